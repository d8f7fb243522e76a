/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_HELP_H
#define CLI_HELP_H

/* What weft says about itself, all of it made from the command table. */

#include <stdio.h>

#include "common/command.h"

void help_print(FILE *out);
void help_print_verb(const struct command_spec *spec, FILE *out);
/* One line of usage a verb. */
void help_list(FILE *out);

/* The man page weft(8), in the man macros of roff. */
void help_print_man(FILE *out);

#endif
