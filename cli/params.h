/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_PARAMS_H
#define CLI_PARAMS_H

/*
 * Words and options of a command line -> the named parameters of its request, by the arguments that
 * the command table gives the verb. Missing optional arguments are left out from the left, so that
 * `del-port PORT` and `del-port BRIDGE PORT` both mean what they say. A file argument becomes its
 * name and its text: weftd may run elsewhere in the file system.
 */

#include <jansson.h>

#include "cli/args.h"

#define PARAMS_FILE_MAX (512u << 10) /* bytes of a config file */

/*
 * Returns the parameters, the caller's, or NULL with the reason and the verb's usage in `e`.
 * Reads the file that an argument names, "-" being standard input.
 */
json_t *params_build(const struct command_spec *spec, const struct args *a, struct err *e);

#endif
