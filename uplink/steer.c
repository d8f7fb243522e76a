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

/* The program, compiled for BPF; module.mk gives the object's path and holds the dependency. */
__asm__(".section .rodata\n"
	".balign 8\n"
	".type steer_object, @object\n"
	"steer_object:\n"
	".incbin \"" STEER_OBJECT "\"\n"
	"steer_object_end:\n"
	".size steer_object, . - steer_object\n"
	".previous\n");

extern const char steer_object[], steer_object_end[];

/* The kinds of addresses, each with a map of its own. */
enum set { SET_MAC, SET_IPV4, SET_IPV6, SET_N };
static const char *const set_names[] = {"macs", "ipv4", "ipv6"};
static_assert(ARRAY_SIZE(set_names) == SET_N, "a map for each kind");

#define KEY_MAX sizeof(struct in6_addr)

struct steer {
	struct bpf_object *object;
	int program, config, sockets, sets[SET_N];
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

struct steer *steer_create(struct err *e)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "weft_steer");
	struct steer *s = calloc(1, sizeof(*s));
	int ret;

	libbpf_set_print(log_libbpf);
	if (!s) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	s->link = -1;
	s->object = bpf_object__open_mem(steer_object, (size_t)(steer_object_end - steer_object),
					 &opts);
	ret = s->object ? bpf_object__load(s->object) : -errno;
	if (ret < 0) {
		err_set(e, -ret, "cannot load the XDP program: %s%s", strerror(-ret),
			ret == -EPERM ? "; run weftd as root, or with CAP_BPF and CAP_NET_ADMIN"
				      : "; `weft log/set uplink debug` shows the kernel's reasons");
		steer_destroy(s);
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

int steer_program_fd(const struct steer *s)
{
	return s->program;
}
