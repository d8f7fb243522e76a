# SPDX-License-Identifier: GPL-2.0-or-later
#
# One non-recursive makefile; each folder lists its sources in its own module.mk.
# Everything that is built lies under build/; variants (asan, clang, fuzz) have their own tree.

CC         ?= gcc
B          ?= build/release
PREFIX     ?= /usr/local
DESTDIR    ?=
V          ?= 0
VARIANT    ?= release
VERSION    := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

Q          := $(if $(filter 1,$(V)),,@)
say         = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

CPPFLAGS   += -I. -D_GNU_SOURCE -DWEFT_VERSION='"$(VERSION)"'
WARNINGS   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
              -Wno-unused-parameter $(if $(CI),-Werror)
CFLAGS_release := -O3 -g -march=x86-64-v2
CFLAGS_asan    := -O1 -g -march=x86-64-v2 -fsanitize=address,undefined -fno-omit-frame-pointer \
                  -fno-sanitize-recover=undefined
CFLAGS_fuzz    := -O1 -g -march=x86-64-v2 -fsanitize=address,undefined,fuzzer-no-link \
                  -fno-sanitize-recover=undefined
CFLAGS     := -std=gnu2x $(CFLAGS_$(VARIANT)) $(WARNINGS)
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_fuzz := -fsanitize=address,undefined,fuzzer
LDFLAGS    := $(LDFLAGS_$(VARIANT))

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:

# Filled by the module.mk files:
#   PROGRAMS            names of programs in $(B)/bin
#   <program>_SRCS      their sources, <program>_LIBS pkg-config names, <program>_LDLIBS the rest
#   UNIT_TESTS          names of cmocka tests, built and listed the same way
PROGRAMS   :=
UNIT_TESTS :=
FUZZERS    :=

MODULES    := common config dataplane bridge vhost daemon cli guest perf tests
include $(wildcard $(addsuffix /module.mk,$(MODULES)))
