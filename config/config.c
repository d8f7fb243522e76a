/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The passes in their order: read YAML into nodes, decode them by the schema, derive what was not
 * said, check what spans objects. A tree with errors is still derived and checked, so that one run
 * tells all of them, but it never leaves this file.
 */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ipaddr.h"
#include "config/arena.h"
#include "config/decode.h"
#include "config/derive.h"
#include "config/errors.h"
#include "config/reader.h"

/* The first three passes. NULL only when no tree came out; it may come with errors. */
static struct config *build(const char *text, size_t len, const char *file,
			    struct config_errors *errs)
{
	struct arena *scratch = arena_create();
	struct config *c = NULL;
	struct node *root;

	if (!scratch) {
		errors_no_memory(errs);
		return NULL;
	}
	if (!reader_read(text, len, scratch, errs, &root))
		c = decode_config(root, file, scratch, errs);
	if (c && derive_config(c, scratch, errs)) {
		config_free(c);
		c = NULL;
	}
	arena_destroy(scratch);
	return c;
}

static void errors_reset(struct config_errors *errs)
{
	errs->n = 0;
	errs->n_errors = 0;
}

static struct config *without_errors(struct config *c, const struct config_errors *errs)
{
	if (!errs->n_errors)
		return c;
	config_free(c);
	return NULL;
}

struct config *config_parse(const char *text, size_t len, const char *file,
			    struct config_errors *errs)
{
	errors_reset(errs);
	return without_errors(build(text, len, file, errs), errs);
}

struct config *config_parse_checked(const char *text, size_t len, const char *file,
				    bool look_at_files, struct config_errors *errs)
{
	struct config *c;

	errors_reset(errs);
	c = build(text, len, file, errs);
	if (c)
		config_check(c, look_at_files, errs);
	return without_errors(c, errs);
}

/* Returns the text, to be freed, or NULL and errno. */
static char *file_read(const char *path, size_t *len)
{
	char *text = malloc(READER_TEXT_MAX + 1);
	FILE *f = fopen(path, "re");
	int saved = errno;

	if (!text || !f)
		goto err_file;
	*len = fread(text, 1, READER_TEXT_MAX + 1, f);
	saved = errno;
	if (ferror(f))
		goto err_file;
	fclose(f);
	return text;

err_file:
	if (f)
		fclose(f);
	free(text);
	errno = saved;
	return NULL;
}

struct config *config_load(const char *path, bool look_at_files, struct config_errors *errs)
{
	struct config *c;
	size_t len;
	char *text = file_read(path, &len);

	if (!text) {
		errors_reset(errs);
		errors_help(errors_add(errs, (struct config_pos){0}, "cannot be read: %s",
				       strerror(errno)),
			    "check the path and its permissions");
		return NULL;
	}
	c = config_parse_checked(text, len, path, look_at_files, errs);
	free(text);
	return c;
}

void config_errors_print_file(const struct config_errors *errs, const char *path, FILE *out)
{
	size_t len = 0;
	char *text = file_read(path, &len);

	config_errors_print(errs, path, text, len, out);
	free(text);
}

void config_free(struct config *c)
{
	if (c)
		arena_destroy(c->arena);
}

const struct config_bridge *config_bridge_lookup(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_bridges; i++)
		if (strcmp(c->bridges[i].name, name) == 0)
			return &c->bridges[i];
	return NULL;
}

const struct config_port *config_port_lookup(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_ports; i++)
		if (strcmp(c->ports[i].name, name) == 0)
			return &c->ports[i];
	return NULL;
}

const struct config_guest *config_guest_lookup(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].name, name) == 0)
			return &c->guests[i];
	return NULL;
}

const struct config_uplink *config_uplink_lookup(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_uplinks; i++)
		if (strcmp(c->uplinks[i].name, name) == 0)
			return &c->uplinks[i];
	return NULL;
}

enum config_forward config_bridge_forward(const struct config_bridge *b)
{
	if (b->forward != FORWARD_AUTO)
		return b->forward;
	return b->nat.uplink[0] ? FORWARD_NAT : FORWARD_NONE;
}

const char *config_bridge_uplink(const struct config_bridge *b)
{
	switch (config_bridge_forward(b)) {
	case FORWARD_NAT:
		return b->nat.uplink;
	case FORWARD_ROUTE:
		return b->uplink;
	default:
		return "";
	}
}

bool config_bridge_has_gateway(const struct config_bridge *b)
{
	return (b->has_address || b->address6[0]) &&
	       (b->forward != FORWARD_AUTO || b->nat.uplink[0]);
}

bool config_names_next(const char **list, char name[CONFIG_NAME_MAX + 4])
{
	const char *p = *list + strspn(*list, "[, ");
	size_t len = strcspn(p, ", ]");

	if (len == 0 || len > CONFIG_NAME_MAX + 3)
		return false;
	memcpy(name, p, len);
	name[len] = '\0';
	*list = p + len;
	return true;
}

int config_range6(const char *text, struct ipaddr_prefix *first, struct ipaddr_prefix *last)
{
	const char *dash = strchr(text, '-');
	char from[IPADDR_TEXT_MAX];

	if (!dash || (size_t)(dash - text) >= sizeof(from))
		return -EINVAL;
	snprintf(from, sizeof(from), "%.*s", (int)(dash - text), text);
	if (ipaddr_prefix_parse(from, first) || ipaddr_prefix_parse(dash + 1, last) ||
	    first->len != 128 || last->len != 128 || ipaddr_is_ip4(&first->addr) ||
	    ipaddr_is_ip4(&last->addr))
		return -EINVAL;
	return 0;
}
