/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

/* cmocka with the headers it forgets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"

#endif
