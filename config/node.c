/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/node.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/utf8.h"

struct node *node_create(struct arena *a, struct node *parent, enum node_kind kind, const char *key,
			 const char *text)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->key = key;
	n->text = text;
	n->parent = parent;
	if (!parent)
		return n;
	n->index = parent->n++;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

void node_clear(struct node *n, enum node_kind kind)
{
	n->kind = kind;
	n->plain = false;
	n->text = NULL;
	n->n = 0;
	n->first = n->last = NULL;
}

void node_del(struct node *n)
{
	struct node *parent = n->parent, *prev = NULL;

	for (struct node *i = parent->first; i != n; i = i->next)
		prev = i;
	if (prev)
		prev->next = n->next;
	else
		parent->first = n->next;
	if (parent->last == n)
		parent->last = prev;
	parent->n--;
	for (struct node *i = n->next; i; i = i->next)
		i->index--;
}

struct node *node_lookup(const struct node *n, const char *key)
{
	for (struct node *i = n->first; i; i = i->next)
		if (i->key && strcmp(i->key, key) == 0)
			return i;
	return NULL;
}

bool node_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->plain &&
	       (!n->text[0] || strcmp(n->text, "~") == 0 || strcasecmp(n->text, "null") == 0);
}

char *node_path(const struct node *n, char *path, size_t size)
{
	const struct node *chain[NODE_DEPTH_MAX + 1];
	size_t used = 0, depth = 0;
	char key[48];

	path[0] = '\0';
	for (; n && n->parent && depth < ARRAY_SIZE(chain); n = n->parent)
		chain[depth++] = n;
	while (depth-- > 0 && used < size) {
		n = chain[depth];
		if (n->key)
			used += (size_t)snprintf(path + used, size - used, "%s%s", used ? "." : "",
						 utf8_excerpt(n->key, key, sizeof(key)));
		else
			used += (size_t)snprintf(path + used, size - used, "[%u]", n->index);
	}
	return path;
}

char *node_describe(const struct node *n, char *text, size_t size)
{
	char word[48];

	if (n->kind == NODE_MAP)
		snprintf(text, size, "a mapping");
	else if (n->kind == NODE_LIST)
		snprintf(text, size, "a list");
	else if (node_is_null(n))
		snprintf(text, size, "nothing");
	else
		snprintf(text, size, "'%s'", utf8_excerpt(n->text, word, sizeof(word)));
	return text;
}
