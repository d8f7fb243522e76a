/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/scene.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define A	   ATTACKNET_A
#define B	   ATTACKNET_B
#define C	   ATTACKNET_C
#define WAIT_MS	   SCENE_WAIT_MS
#define OFFLOADS   SCENE_OFFLOADS
#define RSS_MAX_KB 2048

void scene_remember(struct scene *s)
{
	s->fds = attacknet_open_fds();
	s->rss_kb = attacknet_rss_kb();
}

/* One switch for all: a test finds it as the attacks before it left it. */
int scene_setup_group(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->net = attacknet_create(true);
	*state = s;
	return 0;
}

int scene_teardown_group(void **state)
{
	struct scene *s = *state;

	attacknet_destroy(s->net);
	free(s);
	return 0;
}

/* Touches all buffers once, so that memory has its size. */
int scene_setup(void **state)
{
	struct scene *s = *state;

	attacknet_unplug(s->net, A); /* what a failed test left */
	attacknet_plug(s->net, A, OFFLOADS, 1);
	for (unsigned i = 0; i < 300; i++) {
		assert_true(attacknet_delivers(s->net, A, B, 1500));
		assert_true(attacknet_delivers(s->net, B, C, 1500));
		assert_true(attacknet_delivers(s->net, C, B, 1500));
	}
	attacknet_unplug(s->net, A);
	scene_remember(s);
	return 0;
}

void scene_assert_unharmed(struct scene *s)
{
	attacknet_unplug(s->net, A);
	assert_true(attacknet_wait_step(s->net, A, VHOST_STEP_CONNECT));
	assert_true(attacknet_delivers(s->net, B, C, 1500));
	assert_true(attacknet_delivers(s->net, C, B, 64));
	attacknet_plug(s->net, A, OFFLOADS, 1);
	assert_true(attacknet_delivers(s->net, A, B, 200));
	attacknet_unplug(s->net, A);
	assert_true(attacknet_wait_fds(s->fds));
#ifndef __SANITIZE_ADDRESS__
	if (attacknet_rss_kb() - s->rss_kb > RSS_MAX_KB)
		fail_msg("memory grew by %ld KiB", attacknet_rss_kb() - s->rss_kb);
#endif
}

/* --- raw messages ------------------------------------------------------------------------------
 */

void scene_connect(struct scene *s, struct frontend *f)
{
	struct err e = {0};

	frontend_init(f);
	if (frontend_connect(f, attacknet_path(s->net, A), WAIT_MS, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(attacknet_wait_step(s->net, A, VHOST_STEP_FEATURES));
}

bool scene_is_closed(const struct frontend *f, int timeout_ms)
{
	struct pollfd p = {.fd = f->fd, .events = POLLRDHUP};

	return poll(&p, 1, timeout_ms) == 1;
}

/* Sends one message in a session of its own and expects the connection to be closed for it. */
void scene_assert_refused(struct scene *s, const struct frontend_msg *m, const int *fds,
			  unsigned n_fds, const char *why)
{
	struct frontend f;
	struct err e = {0};

	scene_connect(s, &f);
	frontend_send(&f, m, fds, n_fds, &e);
	if (!scene_is_closed(&f, WAIT_MS))
		fail_msg("request %u (%s) was not refused", m->request, why);
	frontend_close(&f);
	assert_true(attacknet_wait_error(s->net, A, why));
	assert_true(attacknet_wait_step(s->net, A, VHOST_STEP_CONNECT));
}

struct frontend_msg scene_message(uint32_t request, uint32_t size)
{
	return (struct frontend_msg){.request = request, .flags = FRONTEND_VERSION, .size = size};
}

struct frontend_msg scene_ring_message(uint32_t request, uint32_t index, uint32_t num)
{
	struct frontend_msg m = scene_message(request, sizeof(m.state));

	m.state = (struct vhost_vring_state){.index = index, .num = num};
	return m;
}

int scene_memfd(size_t bytes)
{
	int fd = memfd_create("weft-test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}
