# SPDX-License-Identifier: GPL-2.0-or-later
# dnsmasq for bridges. dhcp_SRCS are linked into weftd; weft-jail and weft-lease run beside it.
dhcp_SRCS := dhcp/conf.c dhcp/lease.c dhcp/lease_event.c dhcp/lease_store.c dhcp/netns.c \
             dhcp/plan.c dhcp/resolv.c

PROGRAMS += weft-jail weft-lease
weft-jail_SRCS := dhcp/weft_jail.c dhcp/jail.c $(common_SRCS)
weft-jail_LIBS := libnftables libseccomp
weft-lease_SRCS := dhcp/weft_lease.c dhcp/lease.c dhcp/lease_event.c dhcp/lease_store.c \
                   $(common_SRCS)

UNIT_TESTS += test_dhcp_conf test_dhcp_lease
test_dhcp_conf_SRCS := tests/unit/test_dhcp_conf.c tests/unit/test_config_lib.c $(dhcp_SRCS) \
                       $(config_SRCS) $(common_SRCS)
test_dhcp_conf_LIBS := cmocka yaml-0.1
test_dhcp_lease_SRCS := tests/unit/test_dhcp_lease.c dhcp/lease.c dhcp/lease_event.c \
                        dhcp/lease_store.c $(common_SRCS)
test_dhcp_lease_LIBS := cmocka

FUZZERS += fuzz_lease
fuzz_lease_SRCS := tests/fuzz/fuzz_lease.c dhcp/lease.c dhcp/lease_event.c dhcp/lease_store.c \
                   dhcp/resolv.c $(common_SRCS)
