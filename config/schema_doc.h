/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_SCHEMA_DOC_H
#define CONFIG_SCHEMA_DOC_H

/* What people and editors read about the config file, made from the schema. */

#include <stdio.h>

/* The man page weft.yaml(5), for man(1). */
void schema_doc_man(FILE *out);

/* A JSON Schema (draft 7) for editors that check YAML while it is written. */
void schema_doc_json(FILE *out);

/*
 * Words for completion, one a line: a kind of object and a dotted key that `set` and `get` take,
 * such as "guest image.kernel".
 */
void schema_doc_words(FILE *out);

#endif
