# SPDX-License-Identifier: GPL-2.0-or-later
# Needs libyaml: a program that links config_SRCS lists yaml-0.1 in its _LIBS.
config_SRCS := config/arena.c config/check.c config/check_address.c config/check_member.c config/config.c \
               config/decode.c config/derive.c config/diff.c config/edit.c config/errors.c \
               config/example.c config/keypath.c config/node.c config/print.c config/reader.c \
               config/schema.c config/schema_doc.c config/schema_json.c config/symtab.c \
               config/utf8.c config/value.c
config_SRCS += config/check_policy.c config/schema_policy.c
config_SRCS += config/check_dhcp.c config/schema_dhcp.c
config_SRCS += config/check_nic.c config/schema_nic.c
config_SRCS += config/check_port.c config/schema_port.c
config_SRCS += config/check_nat.c config/check_uplink.c config/edit_nat.c config/nat_value.c config/schema_nat.c config/schema_uplink.c

# example.c reads it with .incbin, which dependency files do not see.
$(B)/obj/config/example.o: config/example.yaml

CONFIG_TESTS := test_config test_config_check test_config_derive test_config_dhcp test_config_diff \
                test_config_doc test_config_edit test_config_errors test_config_member \
                test_config_memory test_config_nat test_config_nic test_config_policy test_config_print test_config_reader \
                test_config_text test_config_values
UNIT_TESTS += $(CONFIG_TESTS)
$(foreach t,$(CONFIG_TESTS), \
  $(eval $(t)_SRCS := tests/unit/$(t).c tests/unit/test_config_lib.c $(config_SRCS) $(common_SRCS)) \
  $(eval $(t)_LIBS := cmocka yaml-0.1))
test_config_doc_LIBS += jansson

# Allocations of these sources fail on demand.
test_config_memory_LDFLAGS := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

FUZZERS += fuzz_config
fuzz_config_SRCS := tests/fuzz/fuzz_config.c $(config_SRCS) $(common_SRCS)
fuzz_config_LIBS := yaml-0.1
