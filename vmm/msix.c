/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/msix.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ENTRY_CONTROL = 3, CONTROL_MASKED = 1 };

static int init_vector(struct msix *m, struct err *e)
{
	struct msix_vector *v = &m->vectors[m->n];
	int gsi = m->hv->ops->gsi_get(m->hv);

	if (gsi < 0)
		return err_set(e, -gsi, "no interrupts are left; give the guest fewer devices");
	v->gsi = (unsigned)gsi;
	v->entry[ENTRY_CONTROL] = CONTROL_MASKED;
	v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->n++;
	return v->fd < 0 ? err_set(e, errno, "no descriptors are left; raise ulimit -n") : 0;
}

int msix_init(struct msix *m, struct hv *hv, unsigned n, struct err *e)
{
	int ret = 0;

	*m = (struct msix){.hv = hv};
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = init_vector(m, e);
	if (ret)
		msix_fini(m);
	return ret;
}

static void connect_vector(struct msix *m, struct msix_vector *v)
{
	uint64_t address = (uint64_t)v->entry[1] << 32 | v->entry[0];

	if (m->hv->ops->route(m->hv, v->gsi, address, v->entry[2]) < 0)
		return;
	v->connected = m->hv->ops->irqfd(m->hv, v->gsi, v->fd, true) == 0;
}

static void update(struct msix *m, struct msix_vector *v)
{
	bool wanted = m->enabled && !m->masked && !(v->entry[ENTRY_CONTROL] & CONTROL_MASKED);

	if (wanted && !v->connected) {
		connect_vector(m, v);
	} else if (!wanted && v->connected) {
		m->hv->ops->irqfd(m->hv, v->gsi, v->fd, false);
		v->connected = false;
	}
}

static void update_all(struct msix *m)
{
	for (unsigned i = 0; i < m->n; i++)
		update(m, &m->vectors[i]);
}

void msix_reset(struct msix *m)
{
	m->enabled = m->masked = false;
	update_all(m);
	for (unsigned i = 0; i < m->n; i++) {
		struct msix_vector *v = &m->vectors[i];
		uint64_t count;

		memset(v->entry, 0, sizeof(v->entry));
		v->entry[ENTRY_CONTROL] = CONTROL_MASKED;
		(void)!read(v->fd, &count, sizeof(count));
	}
}

void msix_fini(struct msix *m)
{
	m->enabled = false;
	update_all(m);
	for (unsigned i = 0; i < m->n; i++) {
		m->hv->ops->gsi_put(m->hv, m->vectors[i].gsi);
		if (m->vectors[i].fd >= 0)
			close(m->vectors[i].fd);
	}
	m->n = 0;
}

void msix_control(struct msix *m, bool enabled, bool masked)
{
	m->enabled = enabled;
	m->masked = masked;
	update_all(m);
}

/* The vector and the first word in it of an access, or NULL for one that is not allowed. */
static struct msix_vector *vector_at(struct msix *m, uint64_t offset, unsigned len)
{
	if ((len != 4 && len != 8) || offset % len || offset / MSIX_ENTRY >= m->n)
		return NULL;
	return &m->vectors[offset / MSIX_ENTRY];
}

void msix_table_read(struct msix *m, uint64_t offset, void *data, unsigned len)
{
	struct msix_vector *v = vector_at(m, offset, len);

	if (v)
		memcpy(data, (uint8_t *)v->entry + offset % MSIX_ENTRY, len);
}

/* A message that changes while it is not masked takes effect at once. */
void msix_table_write(struct msix *m, uint64_t offset, const void *data, unsigned len)
{
	struct msix_vector *v = vector_at(m, offset, len);
	uint32_t before[4];

	if (!v)
		return;
	memcpy(before, v->entry, sizeof(before));
	memcpy((uint8_t *)v->entry + offset % MSIX_ENTRY, data, len);
	if (v->connected && memcmp(before, v->entry, ENTRY_CONTROL * sizeof(before[0])) != 0)
		m->hv->ops->route(m->hv, v->gsi, (uint64_t)v->entry[1] << 32 | v->entry[0],
				  v->entry[2]);
	update(m, v);
}

static bool is_pending(const struct msix_vector *v)
{
	struct pollfd p = {.fd = v->fd, .events = POLLIN};

	return !v->connected && poll(&p, 1, 0) == 1;
}

void msix_pending_read(struct msix *m, uint64_t offset, void *data, unsigned len)
{
	uint64_t bits = 0;

	if ((len != 4 && len != 8) || offset + len > sizeof(bits))
		return;
	for (unsigned i = 0; i < m->n; i++)
		bits |= (uint64_t)is_pending(&m->vectors[i]) << i;
	memcpy(data, (uint8_t *)&bits + offset, len);
}

int msix_fd(const struct msix *m, uint16_t vector)
{
	return vector < m->n ? m->vectors[vector].fd : -1;
}

void msix_save(const struct msix *m, struct state_writer *w)
{
	state_put_u8(w, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++) {
		state_put_bytes(w, m->vectors[i].entry, sizeof(m->vectors[i].entry));
		state_put_u8(w, is_pending(&m->vectors[i]));
	}
}

int msix_load(struct msix *m, struct state_reader *r, struct err *e)
{
	const uint64_t one = 1;

	if (state_get_u8(r) != m->n)
		return state_refuse(r, e, "another number of interrupt vectors");
	for (unsigned i = 0; i < m->n; i++) {
		state_get_bytes(r, m->vectors[i].entry, sizeof(m->vectors[i].entry));
		if (state_get_u8(r) == 1)
			(void)!write(m->vectors[i].fd, &one, sizeof(one));
	}
	return 0;
}
