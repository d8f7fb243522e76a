/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_SYSCTLS_H
#define UPLINK_SYSCTLS_H

/*
 * Settings of the host that a host uplink needs, and their way back.
 *
 * What is changed is written to a file first, with its value before, so that a weftd that follows a
 * killed one can restore it. What had the value already is not ours and never touched. Restoring
 * leaves alone what somebody changed since.
 */

#include "common/err.h"

/* Sets `key` ("net/ipv4/ip_forward") to `value`; remembers in `file` what it was, if it differed.
 */
int sysctls_set(const char *file, const char *key, const char *value, struct err *e);

/* Sets what does not need to be restored, because its interface goes with us. */
int sysctls_set_ours(const char *key, const char *value, struct err *e);

/* Restores what `file` remembers, last first, and removes it. Returns the number of settings. */
int sysctls_restore(const char *file);

/* Removes the file: the settings stay as they are. */
void sysctls_forget(const char *file);

/* "1"; "" when there is no such setting. */
void sysctls_get(const char *key, char *value, unsigned size);

#endif
