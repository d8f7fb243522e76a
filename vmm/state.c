/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define MAGIC	     "weftVMM\001"
#define MAGIC_BYTES  8
#define HEAD_BYTES   (STATE_NAME_BYTES + 8)
#define RECORD_MAX   (HEAD_BYTES + STATE_PAYLOAD_MAX)
#define BUFFER_BYTES (4 * RECORD_MAX)
#define END_NAME     "end"

/* CRC32C by the instruction that every x86-64-v2 has. */
static uint32_t crc32c(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t c = ~crc, v;

	for (; len >= sizeof(v); p += sizeof(v), len -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		c = __builtin_ia32_crc32di(c, v);
	}
	for (; len; p++, len--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return ~(uint32_t)c;
}

/* --- writing -------------------------------------------------------------------------------------
 */

int state_writer_init(struct state_writer *w, int fd)
{
	*w = (struct state_writer){.fd = fd, .buffer = malloc(BUFFER_BYTES)};
	if (!w->buffer)
		return -ENOMEM;
	memcpy(w->buffer, MAGIC, MAGIC_BYTES);
	w->len = w->bytes = MAGIC_BYTES;
	w->crc = crc32c(0, w->buffer, MAGIC_BYTES);
	return 0;
}

void state_writer_fini(struct state_writer *w)
{
	free(w->buffer);
	*w = (struct state_writer){.fd = -1, .error = -EBADF};
}

static int wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

int state_flush(struct state_writer *w, int timeout_ms)
{
	while (w->head < w->len && !w->error) {
		ssize_t n = write(w->fd, w->buffer + w->head, w->len - w->head);

		if (n >= 0) {
			w->head += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			w->error = -errno;
		else if (!timeout_ms)
			return 1;
		else
			w->error = wait_for(w->fd, POLLOUT, timeout_ms);
	}
	if (!w->error)
		w->head = w->len = 0;
	return w->error;
}

void state_begin(struct state_writer *w, const char *name, uint32_t version)
{
	if (w->len + RECORD_MAX > BUFFER_BYTES)
		state_flush(w, STATE_WAIT_MS);
	if (w->error)
		return;
	w->record = w->len;
	memset(w->buffer + w->len, 0, HEAD_BYTES);
	memcpy(w->buffer + w->len, name, strnlen(name, STATE_NAME_BYTES - 1));
	memcpy(w->buffer + w->len + STATE_NAME_BYTES, &version, sizeof(version));
	w->len += HEAD_BYTES;
}

void state_put_bytes(struct state_writer *w, const void *bytes, size_t len)
{
	if (!w->error && w->len - w->record + len > RECORD_MAX)
		w->error = -EOVERFLOW;
	if (w->error)
		return;
	memcpy(w->buffer + w->len, bytes, len);
	w->len += len;
}

void state_put_u8(struct state_writer *w, uint8_t v)
{
	state_put_bytes(w, &v, sizeof(v));
}

void state_put_u16(struct state_writer *w, uint16_t v)
{
	state_put_bytes(w, &v, sizeof(v));
}

void state_put_u32(struct state_writer *w, uint32_t v)
{
	state_put_bytes(w, &v, sizeof(v));
}

void state_put_u64(struct state_writer *w, uint64_t v)
{
	state_put_bytes(w, &v, sizeof(v));
}

void state_put_text(struct state_writer *w, const char *text)
{
	uint8_t len = (uint8_t)strnlen(text, STATE_TEXT_MAX);

	state_put_u8(w, len);
	state_put_bytes(w, text, len);
}

void state_end(struct state_writer *w)
{
	uint32_t bytes = (uint32_t)(w->len - w->record - HEAD_BYTES);

	if (w->error)
		return;
	memcpy(w->buffer + w->record + STATE_NAME_BYTES + 4, &bytes, sizeof(bytes));
	w->crc = crc32c(w->crc, w->buffer + w->record, HEAD_BYTES + bytes);
	w->bytes += HEAD_BYTES + bytes;
}

void state_finish(struct state_writer *w)
{
	uint32_t crc = w->crc;

	state_begin(w, END_NAME, 1);
	state_put_u32(w, crc);
	state_end(w);
}

/* --- reading -------------------------------------------------------------------------------------
 */

int state_reader_init(struct state_reader *r, int fd)
{
	*r = (struct state_reader){.fd = fd, .buffer = malloc(BUFFER_BYTES)};
	return r->buffer ? 0 : -ENOMEM;
}

void state_reader_fini(struct state_reader *r)
{
	free(r->buffer);
	*r = (struct state_reader){.fd = -1};
}

int state_fill(struct state_reader *r)
{
	ssize_t n;

	memmove(r->buffer, r->buffer + r->head, r->len - r->head);
	r->len -= r->head;
	r->head = 0;
	do
		n = read(r->fd, r->buffer + r->len, BUFFER_BYTES - r->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->len += (size_t)n;
	return n > 0;
}

static void consume(struct state_reader *r, size_t len)
{
	r->crc = crc32c(r->crc, r->buffer + r->head, len);
	r->head += len;
}

static int begin(struct state_reader *r, struct err *e)
{
	size_t have = MIN_OF(r->len - r->head, (size_t)MAGIC_BYTES);

	if (memcmp(r->buffer + r->head, MAGIC, have) != 0)
		return err_set(e, EPROTO, "this is no state of a weft-vmm, or of another version");
	if (have < MAGIC_BYTES)
		return 0;
	consume(r, MAGIC_BYTES);
	r->begun = true;
	return 1;
}

static int take_end(struct state_reader *r, uint32_t before, struct err *e)
{
	uint32_t crc = state_get_u32(r);
	int ret = state_done(r, e);

	if (ret)
		return ret;
	if (crc != before || r->version != 1)
		return err_set(e, EPROTO, "the state is corrupt: its checksum is wrong");
	r->ended = true;
	return 0;
}

/* Letters, then zeroes, one at least. */
static bool is_name(const uint8_t *bytes)
{
	size_t len = strnlen((const char *)bytes, STATE_NAME_BYTES);

	for (size_t i = len; i < STATE_NAME_BYTES; i++)
		if (bytes[i])
			return false;
	return len && len < STATE_NAME_BYTES;
}

int state_next(struct state_reader *r, struct err *e)
{
	const uint8_t *head;
	uint32_t bytes, before = 0;
	int ret = r->begun ? 1 : begin(r, e);

	if (ret <= 0 || r->ended || r->len - r->head < HEAD_BYTES)
		return MIN_OF(ret, 0);
	head = r->buffer + r->head;
	memcpy(&bytes, head + STATE_NAME_BYTES + 4, sizeof(bytes));
	if (bytes > STATE_PAYLOAD_MAX || !is_name(head))
		return err_set(e, EPROTO, "the state is corrupt: a record makes no sense");
	if (r->len - r->head < HEAD_BYTES + bytes)
		return 0;
	memcpy(r->name, head, STATE_NAME_BYTES);
	memcpy(&r->version, head + STATE_NAME_BYTES, sizeof(r->version));
	r->payload = head + HEAD_BYTES;
	r->left = bytes;
	r->bad = false;
	before = r->crc;
	consume(r, HEAD_BYTES + bytes);
	return state_is(r, END_NAME) ? take_end(r, before, e) : 1;
}

int state_wait(struct state_reader *r, int timeout_ms, struct err *e)
{
	uint64_t until_ms = clock_now_ms() + (uint64_t)MAX_OF(timeout_ms, 0);
	int ret;

	while ((ret = state_next(r, e)) == 0 && !r->ended) {
		uint64_t now_ms = clock_now_ms();

		ret = state_fill(r);
		if (ret == -EAGAIN && timeout_ms >= 0 && now_ms >= until_ms)
			ret = -ETIMEDOUT;
		else if (ret == -EAGAIN)
			ret = wait_for(r->fd, POLLIN,
				       timeout_ms < 0 ? -1 : (int)(until_ms - now_ms))
				      ?: 1;
		if (ret == 0)
			return err_set(e, EPROTO, "the state is truncated");
		if (ret < 0)
			return err_set(e, -ret, "the state cannot be read: %s", strerror(-ret));
	}
	return ret;
}

bool state_is(const struct state_reader *r, const char *name)
{
	return strcmp(r->name, name) == 0;
}

const void *state_get_place(struct state_reader *r, size_t len)
{
	const uint8_t *at = r->payload;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->payload += len;
	r->left -= len;
	return at;
}

void state_get_bytes(struct state_reader *r, void *to, size_t len)
{
	const void *at = state_get_place(r, len);

	if (at)
		memcpy(to, at, len);
	else
		memset(to, 0, len);
}

uint8_t state_get_u8(struct state_reader *r)
{
	uint8_t v;

	state_get_bytes(r, &v, sizeof(v));
	return v;
}

uint16_t state_get_u16(struct state_reader *r)
{
	uint16_t v;

	state_get_bytes(r, &v, sizeof(v));
	return v;
}

uint32_t state_get_u32(struct state_reader *r)
{
	uint32_t v;

	state_get_bytes(r, &v, sizeof(v));
	return v;
}

uint64_t state_get_u64(struct state_reader *r)
{
	uint64_t v;

	state_get_bytes(r, &v, sizeof(v));
	return v;
}

void state_get_text(struct state_reader *r, char *to, size_t size)
{
	size_t len = state_get_u8(r);
	const char *at = state_get_place(r, len);

	to[0] = '\0';
	if (!at || len >= size || memchr(at, '\0', len)) {
		r->bad = true;
		return;
	}
	memcpy(to, at, len);
	to[len] = '\0';
}

int state_refuse(const struct state_reader *r, struct err *e, const char *what)
{
	return err_set(e, EPROTO, "the state is corrupt: record %s: %s", r->name, what);
}

int state_done(const struct state_reader *r, struct err *e)
{
	if (!r->bad && !r->left)
		return 0;
	return state_refuse(r, e, r->bad ? "it is too short" : "it is too long");
}
