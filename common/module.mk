# SPDX-License-Identifier: GPL-2.0-or-later
# version.c alone knows the version, so that a commit makes one object stale.
common_SRCS := common/cksum.c common/err.c common/ip.c common/ipaddr.c common/log.c common/loop.c \
               common/mac.c common/pcapng.c common/suggest.c common/units.c common/version.c \
               common/vlan_set.c

$(B)/obj/common/version.o: CPPFLAGS += -DWEFT_VERSION='"$(VERSION)"'
$(B)/obj/common/version.o: $(B)/obj/version

# Written anew only when the version is another one.
$(B)/obj/version: always
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
.PHONY: always

UNIT_TESTS += test_suggest
test_suggest_SRCS := tests/unit/test_suggest.c common/suggest.c
test_suggest_LIBS := cmocka

UNIT_TESTS += test_pcapng
test_pcapng_SRCS := tests/unit/test_pcapng.c common/pcapng.c
test_pcapng_LIBS := cmocka
