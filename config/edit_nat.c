/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forwards added and removed: the bridge's list is written anew, in YAML's flow style, and set as a
 * whole, so that it is checked as a file is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/edit.h"

static const char *proto_name(enum forward_proto proto)
{
	return proto == FORWARD_TCP ? "tcp" : "udp";
}

static const char *ports_of(const struct config_nat_forward *f)
{
	return f->proto == FORWARD_TCP ? f->tcp : f->udp;
}

static void print_forward(FILE *out, const char *proto, const char *ports, const char *to,
			  const char *address)
{
	fprintf(out, "{%s: \"%s\", to: \"%s\"", proto, ports, to);
	if (*address)
		fprintf(out, ", address: %s", address);
	fputs("}, ", out);
}

/* Texts go between quotes: none may end them, or begin something else. */
static bool is_plain(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				 "_.-:")] == '\0';
}

static const struct config_bridge *bridge_with_nat(const struct config *c, const char *bridge,
						   struct err *e)
{
	const struct config_bridge *b = config_bridge_lookup(c, bridge);

	if (!b)
		err_set(e, ENOENT, "there is no bridge '%.64s'; `weft list-br` names them", bridge);
	else if (!b->nat.uplink[0])
		err_set(e, ENOENT,
			"bridge %s translates nothing; `weft set bridge %s nat.uplink=host` makes "
			"it",
			bridge, bridge);
	else
		return b;
	return NULL;
}

static struct config *set_forwards(const struct config *c, const char *bridge, char *text,
				   struct err *e)
{
	const char *field = text;
	struct config *wanted;

	if (!text) {
		err_set(e, ENOMEM, "out of memory; free some memory and try again");
		return NULL;
	}
	wanted = config_set(c, "bridge", bridge, &field, 1, e);
	free(text);
	return wanted;
}

/* "nat.forwards=[...]" without forward number `except`, with `added` at its end. */
static char *forwards_text(const struct config_bridge *b, unsigned except,
			   const struct config_nat_forward *added)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("nat.forwards=[", out);
	for (unsigned i = 0; i < b->nat.n_forwards; i++) {
		const struct config_nat_forward *f = &b->nat.forwards[i];

		if (i != except)
			print_forward(out, proto_name(f->proto), ports_of(f), f->to, f->address);
	}
	if (added)
		print_forward(out, proto_name(added->proto), ports_of(added), added->to,
			      added->address);
	fputs("]", out);
	return fclose(out) == 0 ? text : NULL;
}

static int parse_proto(const char *word, enum forward_proto *proto, struct err *e)
{
	if (strcmp(word, "tcp") != 0 && strcmp(word, "udp") != 0)
		return err_set(e, EINVAL, "'%.32s': the protocol of a forward is tcp or udp", word);
	*proto = strcmp(word, "tcp") == 0 ? FORWARD_TCP : FORWARD_UDP;
	return 0;
}

struct config *config_with_forward(const struct config *c, const char *bridge, const char *proto,
				   const char *ports, const char *to, struct err *e)
{
	const struct config_bridge *b = bridge_with_nat(c, bridge, e);
	struct config_nat_forward f = {.tcp = ports, .udp = ports, .to = to, .address = ""};

	if (!b || parse_proto(proto, &f.proto, e) < 0)
		return NULL;
	if (!is_plain(ports) || !is_plain(to)) {
		err_set(e, EINVAL, "write a forward as: tcp 2222 alpha:22");
		return NULL;
	}
	return set_forwards(c, bridge, forwards_text(b, b->nat.n_forwards, &f), e);
}

struct config *config_without_forward(const struct config *c, const char *bridge, const char *proto,
				      const char *ports, struct err *e)
{
	const struct config_bridge *b = bridge_with_nat(c, bridge, e);
	enum forward_proto p = FORWARD_TCP;

	if (!b || parse_proto(proto, &p, e) < 0)
		return NULL;
	for (unsigned i = 0; i < b->nat.n_forwards; i++) {
		const struct config_nat_forward *f = &b->nat.forwards[i];

		if (f->proto == p && strcmp(ports_of(f), ports) == 0)
			return set_forwards(c, bridge, forwards_text(b, i, NULL), e);
	}
	err_set(e, ENOENT,
		"bridge %s has no forward of %s %.32s; `weft nat/list-forwards` lists them", bridge,
		proto, ports);
	return NULL;
}
