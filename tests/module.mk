# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests: cmocka, one program a file, linked with what they test.
UNIT_TESTS += test_units
test_units_SRCS := tests/unit/test_units.c $(common_SRCS)
test_units_LIBS := cmocka
