/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

/*
 * Completion in bash. The script knows verbs, options and the kinds of their arguments; names of
 * what exists it asks for with `weft --complete KIND`, which asks weftd and prints one name a line.
 */

#include <stdio.h>

/*
 * Prints the names of the kind ("bridge", "port", ...; names of enum command_arg_kind). A weftd
 * that does not answer at once gives no names and no message.
 */
void complete_print_names(const char *kind, const char *socket, FILE *out);

/* The completion script. */
void complete_print_bash(FILE *out);

#endif
