/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/steer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "common/log.h"
#include "common/util.h"

/* The program, compiled for BPF; module.mk gives the objects' path and holds the dependency. */
#define EMBED(name, file)                                                                          \
	__asm__(".section .rodata\n"                                                               \
		".balign 8\n"                                                                      \
		".type " name ", @object\n" name ":\n"                                             \
		".incbin \"" file "\"\n" name "_end:\n"                                            \
		".size " name ", . - " name "\n"                                                   \
		".previous\n")
EMBED("steer_plain", STEER_OBJECT ".bpf.o");
EMBED("steer_tags", STEER_OBJECT "_tags.bpf.o");

extern const char steer_plain[], steer_plain_end[], steer_tags[], steer_tags_end[];

/* The kinds of addresses, each with a map of its own. */
enum set { SET_MAC, SET_IPV4, SET_IPV6, SET_N };
static const char *const set_names[] = {"macs", "ipv4", "ipv6"};
static_assert(ARRAY_SIZE(set_names) == SET_N, "a map for each kind");

#define KEY_MAX sizeof(struct in6_addr)

struct steer {
	struct bpf_object *object;
	int program, config, sockets, sets[SET_N];
	bool knows_tags;
	int link; /* -1: not attached */
	struct steer_config now;
};

static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char text[400];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug(LOG_UPLINK, "libbpf: %s", text);
	return 0;
}

/* linux/bpf.h of Linux 6.3. */
#define DEVICE_BOUND (1u << 6)

static int map_fd(const struct steer *s, const char *name)
{
	return bpf_object__find_map_fd_by_name(s->object, name);
}

static void find_parts(struct steer *s)
{
	s->program = bpf_program__fd(bpf_object__next_program(s->object, NULL));
	s->config = map_fd(s, "config");
	s->sockets = map_fd(s, "sockets");
	for (unsigned i = 0; i < SET_N; i++)
		s->sets[i] = map_fd(s, set_names[i]);
}

static int load(struct steer *s, const char *from, const char *end, unsigned ifindex)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "weft_steer");
	struct bpf_program *program;
	int ret;

	s->object = bpf_object__open_mem(from, (size_t)(end - from), &opts);
	if (!s->object)
		return -errno;
	if (ifindex) {
		program = bpf_object__next_program(s->object, NULL);
		bpf_program__set_ifindex(program, ifindex);
		bpf_program__set_flags(program, DEVICE_BOUND);
	}
	ret = bpf_object__load(s->object);
	if (ret < 0) {
		bpf_object__close(s->object);
		s->object = NULL;
	}
	return ret;
}

struct steer *steer_create(unsigned ifindex, struct err *e)
{
	struct steer *s = calloc(1, sizeof(*s));
	int ret;

	libbpf_set_print(log_libbpf);
	if (!s) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	s->link = -1;
	s->knows_tags = ifindex && load(s, steer_tags, steer_tags_end, ifindex) == 0;
	ret = s->knows_tags ? 0 : load(s, steer_plain, steer_plain_end, 0);
	if (ret < 0) {
		err_set(e, -ret, "cannot load the XDP program: %s%s", strerror(-ret),
			ret == -EPERM ? "; run weftd as root, or with CAP_BPF and CAP_NET_ADMIN"
				      : "; `weft log/set uplink debug` shows the kernel's reasons");
		free(s);
		errno = -ret;
		return NULL;
	}
	find_parts(s);
	return s;
}

void steer_destroy(struct steer *s)
{
	if (!s)
		return;
	steer_detach(s);
	bpf_object__close(s->object);
	free(s);
}

int steer_attach(struct steer *s, unsigned ifindex, bool native, struct err *e)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(s->program, (int)ifindex, BPF_XDP, &opts);

	if (fd >= 0) {
		s->link = fd;
		return 0;
	}
	switch (-fd) {
	case EBUSY:
	case EEXIST:
		return err_set(e, EBUSY,
			       "it has an XDP program already; see it with `ip link`, stop the "
			       "program that attached it, or use driver: af_packet");
	case EPERM:
		return err_set(e, EPERM,
			       "no permission to attach an XDP program; run weftd as "
			       "root, or with CAP_BPF and CAP_NET_ADMIN");
	case EOPNOTSUPP:
		return err_set(e, EOPNOTSUPP, "its driver has no XDP; use mode: generic");
	case ERANGE:
	case EINVAL:
		return err_set(e, -fd,
			       "its driver refuses an XDP program with the MTU and the "
			       "offloads that are set; lower the MTU, or use mode: generic");
	default:
		return err_set(e, -fd, "cannot attach the XDP program: %s", strerror(-fd));
	}
}

void steer_detach(struct steer *s)
{
	if (s->link >= 0)
		close(s->link);
	s->link = -1;
}

static int put(int map, const void *key, const void *value, struct err *e)
{
	int ret = bpf_map_update_elem(map, key, value, BPF_ANY);

	return ret < 0 ? err_set(e, -ret, "cannot tell the XDP program what to take: %s",
				 ret == -E2BIG ? "too many addresses" : strerror(-ret))
		       : 0;
}

static int put_config(struct steer *s, struct err *e)
{
	return put(s->config, &(uint32_t){0}, &s->now, e);
}

int steer_set_take(struct steer *s, enum steer_take take, const struct mac *host_mac, struct err *e)
{
	s->now.take = take;
	memcpy(s->now.host_mac, host_mac, sizeof(s->now.host_mac));
	return put_config(s, e);
}

int steer_set_socket(struct steer *s, unsigned queue, int fd, struct err *e)
{
	return put(s->sockets, &queue, &fd, e);
}

static bool listed(const void *key, const void *keys, unsigned n, size_t size)
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp((const uint8_t *)keys + i * size, key, size) == 0)
			return true;
	return false;
}

/* Takes away what is not in `keys` any more. */
static void prune(int map, const void *keys, unsigned n, size_t size)
{
	uint8_t key[KEY_MAX], next[KEY_MAX];
	bool more = bpf_map_get_next_key(map, NULL, next) == 0;

	while (more) {
		memcpy(key, next, size);
		more = bpf_map_get_next_key(map, key, next) == 0;
		if (!listed(key, keys, n, size))
			bpf_map_delete_elem(map, key);
	}
}

/* First what is new, then away with what is old, so that what stays is there all the time. */
static int replace(int map, const void *keys, unsigned n, size_t size, struct err *e)
{
	for (unsigned i = 0; i < n; i++) {
		int ret = put(map, (const uint8_t *)keys + i * size, &(uint8_t){1}, e);

		if (ret < 0)
			return ret;
	}
	prune(map, keys, n, size);
	return 0;
}

int steer_set_addresses(struct steer *s, const struct steer_addresses *a, struct err *e)
{
	int ret = replace(s->sets[SET_MAC], a->macs, a->n_macs, sizeof(*a->macs), e);

	if (ret == 0)
		ret = replace(s->sets[SET_IPV4], a->ipv4, a->n_ipv4, sizeof(*a->ipv4), e);
	if (ret == 0)
		ret = replace(s->sets[SET_IPV6], a->ipv6, a->n_ipv6, sizeof(*a->ipv6), e);
	s->now.has_addresses = a->n_ipv4 + a->n_ipv6 > 0;
	return ret == 0 ? put_config(s, e) : ret;
}

bool steer_knows_tags(const struct steer *s)
{
	return s->knows_tags;
}

int steer_program_fd(const struct steer *s)
{
	return s->program;
}
