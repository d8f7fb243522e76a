/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplink/nftables.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nftables/libnftables.h>

/* The first line of what libnftables complains about: the others draw the place in the command. */
static int fail(struct err *e, struct nft_ctx *nft)
{
	const char *text = nft_ctx_get_error_buffer(nft);
	int n = (int)strcspn(text ? text : "", "\n");

	return err_set(e, EIO,
		       "nftables: %.*s; weftd needs CAP_NET_ADMIN and a kernel with nf_tables, "
		       "nft_nat and nft_masq",
		       n ? n : 14, n ? text : "refused by the kernel");
}

/* Where the kernel has no such socket libnftables would end the process. */
static int probe(struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return err_set(e, errno, "nftables: %s; weftd needs a kernel with nf_tables",
			       strerror(errno));
	close(fd);
	return 0;
}

static struct nft_ctx *context(struct err *e)
{
	struct nft_ctx *nft;

	if (probe(e) < 0)
		return NULL;
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft || nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft)) {
		err_set(e, ENOMEM, "nftables: out of memory");
		nft_ctx_free(nft);
		return NULL;
	}
	return nft;
}

int nftables_run(const char *commands, struct err *e)
{
	struct nft_ctx *nft = context(e);
	int ret = 0;

	if (!nft)
		return -EIO;
	if (nft_run_cmd_from_buffer(nft, commands))
		ret = fail(e, nft);
	nft_ctx_free(nft);
	return ret;
}

static char *list(const char *command, unsigned flags, struct err *e)
{
	struct nft_ctx *nft = context(e);
	char *text = NULL;

	if (!nft)
		return NULL;
	nft_ctx_output_set_flags(nft, flags);
	if (nft_run_cmd_from_buffer(nft, command))
		fail(e, nft);
	else
		text = strdup(nft_ctx_get_output_buffer(nft));
	nft_ctx_free(nft);
	return text;
}

char *nftables_list(const char *command, struct err *e)
{
	return list(command, 0, e);
}

json_t *nftables_list_json(const char *command, struct err *e)
{
	char *text = list(command, NFT_CTX_OUTPUT_JSON, e);
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;
	json_t *array = json_incref(json_object_get(root, "nftables"));

	if (text && !array)
		err_set(e, EPROTO, "nftables: libnftables was built without JSON");
	json_decref(root);
	free(text);
	return array;
}

int nftables_watch(struct err *e)
{
	const struct sockaddr_nl at = {.nl_family = AF_NETLINK,
				       .nl_groups = 1u << (NFNLGRP_NFTABLES - 1)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	int code;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	code = errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, code, "cannot watch nftables: %s", strerror(code));
}

static bool tells_of_removal(const void *messages, size_t len)
{
	const struct nlmsghdr *m = messages;
	unsigned left = (unsigned)len;

	for (; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
		if (m->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE))
			return true;
	return false;
}

bool nftables_table_went(int watch)
{
	_Alignas(struct nlmsghdr) char messages[16384];
	bool went = false;
	ssize_t n;

	while ((n = recv(watch, messages, sizeof(messages), 0)) > 0)
		went |= tells_of_removal(messages, (size_t)n);
	/* More was to be told than the socket had room for. */
	return went || (n < 0 && errno == ENOBUFS);
}
