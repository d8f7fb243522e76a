# SPDX-License-Identifier: GPL-2.0-or-later
# weft-lab: runs a lab file and writes results and reports. Sorted, because a source may be listed
# by common, too.
lab_SRCS := $(sort $(addprefix perf/lab/,bench.c child.c compare.c diag.c endpoint.c environment.c guest.c \
                     interrupt.c labfile.c noise.c output.c page.c plan.c progress.c report.c results.c runner.c \
                     schema.c table.c traffic.c) \
                   perf/kind.c perf/stats.c common/kvm_probe.c common/rpc.c common/jsonx.c $(common_SRCS))
lab_LIBS := jansson yaml-0.1

PROGRAMS += weft-lab
weft-lab_SRCS   := perf/lab/main.c $(lab_SRCS)
weft-lab_LIBS   := $(lab_LIBS)
weft-lab_LDLIBS := -lm

lab_TESTS := test_lab_compare test_lab_file test_lab_plan test_lab_report test_lab_run
UNIT_TESTS += $(lab_TESTS)
define lab_test
$(1)_SRCS   := tests/unit/$(1).c $(lab_SRCS)
$(1)_LIBS   := cmocka $(lab_LIBS)
$(1)_LDLIBS := -lm
endef
$(foreach t,$(lab_TESTS),$(eval $(call lab_test,$(t))))
