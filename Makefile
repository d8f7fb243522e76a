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
VERSION    := $(shell cat version 2>/dev/null || git describe --always --dirty 2>/dev/null || \
                echo unknown)

Q          := $(if $(filter 1,$(V)),,@)
say         = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

CPPFLAGS   += -I. -D_GNU_SOURCE
WARNINGS   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
              -Wno-unused-parameter $(if $(CI),-Werror)
CFLAGS_release := -O3 -g -march=x86-64-v2
CFLAGS_asan    := -O1 -g1 -march=x86-64-v2 -fsanitize=address,undefined -fno-omit-frame-pointer \
                  -fno-sanitize-recover=undefined
CFLAGS_fuzz    := -O1 -g1 -march=x86-64-v2 -fsanitize=address,undefined,fuzzer-no-link \
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

MODULES    := common config dataplane bridge nat vhost uplink dhcp vmm daemon cli guest perf perf/lab perf/gen perf/bench tests
include $(wildcard $(addsuffix /module.mk,$(MODULES)))

# --- how things are built -------------------------------------------------------------------

pkg_cflags = $(if $(1),$(shell pkg-config --cflags $(1) 2>/dev/null))
pkg_libs   = $(if $(1),$(shell pkg-config --libs $(1) 2>/dev/null))
objs       = $(patsubst %.c,$(B)/obj/%.o,$(1))

# Folders whose code sees DPDK; everything else is kept free of it.
DPDK_DIRS    := dataplane bridge nat vhost uplink daemon tests/pipeline tests/lib tests/unit tests/fuzz tests/bench
DPDK_CFLAGS  := $(call pkg_cflags,libdpdk)
$(foreach d,$(DPDK_DIRS),$(eval $(B)/obj/$(d)/%.o: CPPFLAGS += $(DPDK_CFLAGS)))

$(B)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# $(1): name, $(2): folder under $(B)
define link_rule
$(B)/$(2)/$(1): $$(call objs,$$($(1)_SRCS))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) $$($(1)_LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		$$(call pkg_libs,$$($(1)_LIBS)) $$($(1)_LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call link_rule,$(p),bin)))
$(foreach t,$(UNIT_TESTS),$(eval $(call link_rule,$(t),test)))
$(foreach f,$(FUZZERS),$(eval $(call link_rule,$(f),fuzz)))

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all
all: $(addprefix $(B)/bin/,$(PROGRAMS)) ## build every program
.PHONY: tests
tests: $(addprefix $(B)/test/,$(UNIT_TESTS)) ## build the unit and pipeline tests

# --- what people call -----------------------------------------------------------------------

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

.PHONY: setup
setup: ## install the Debian packages that building, testing and the demo need
	@tools/setup.sh

# Packages may be missing when make begins, and pkg-config with them: install, then start over.
.PHONY: demo
demo: setup ## boot two guests on a bridge and measure between them
	@$(MAKE) --no-print-directory all guest-image
	@$(B)/bin/weft-lab demo -o build/demo

.PHONY: test
test: setup ## install, build, and run every test
	@$(MAKE) --no-print-directory check

SYSTEM_TESTS := $(wildcard tests/system/*.sh)
# Scripts that say so in their head wait more than they work, for clients and time-outs.
WAITING_TESTS := $(shell grep -l '^\# May run beside others' $(SYSTEM_TESTS))
ASAN_TESTS   := $(filter-out test_guest_boot test_config_memory,$(UNIT_TESTS))
FUZZ_SECONDS ?= 10

run_unit = $(foreach t,$(UNIT_TESTS),$(t)=$(B)/test/$(t))
run_asan = $(foreach t,$(ASAN_TESTS),asan:$(t)=build/asan/test/$(t))
run_fuzz = $(foreach f,$(FUZZERS),"$(f)=tests/fuzz/run.sh $(f)")
run_system = $(foreach t,$(1),$(basename $(notdir $(t)))=$(t))

.PHONY: check
check: all tests guest-image build-asan build-fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) BIN=$(B)/bin tests/run.sh \
		-j $$(nproc) $(run_unit) $(run_asan) -j $$((2 * $$(nproc))) $(run_fuzz) \
		-j 3 $(call run_system,$(WAITING_TESTS)) \
		-j 1 $(call run_system,$(filter-out $(WAITING_TESTS),$(SYSTEM_TESTS)))

.PHONY: build-asan build-fuzz asan fuzz
build-asan:
	@$(MAKE) --no-print-directory B=build/asan VARIANT=asan \
		$(addprefix build/asan/test/,$(ASAN_TESTS)) build/asan/bin/weftd
build-fuzz:
	@$(MAKE) --no-print-directory B=build/fuzz VARIANT=fuzz CC=clang \
		$(addprefix build/fuzz/fuzz/,$(FUZZERS))
asan: build-asan ## unit, pipeline and virtio-user tests under ASan and UBSan
	@tests/run.sh $(run_asan)
fuzz: build-fuzz ## each fuzz target for FUZZ_SECONDS (10)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh -j $$((2 * $$(nproc))) $(run_fuzz)

.PHONY: lint
lint: ## format, include direction, sizes, stages, scripts, names in the docs
	@tools/lint.sh

# Compared with a baseline of the same machine, where one was stored: exit code 2 for a regression.
BASELINE ?= perf/bench/baseline.json
.PHONY: bench bench-baseline bench-scenarios
bench: all ## frames between two vhost-user ports, beside testpmd and OVS-DPDK where they are
	@perf/bench/switch.sh -o build/bench
	@[ ! -e $(BASELINE) ] || $(B)/bin/weft-bench compare $(BASELINE) build/bench/results.json
bench-baseline: ## keep what the last `make bench` measured for comparisons
	@cp build/bench/results.json $(BASELINE)
bench-scenarios: all ## idle ports, scaling over workers, adaptive polling
	@perf/bench/idle-ports.sh -o build/bench/idle-ports
	@perf/bench/scaling.sh -o build/bench/scaling
	@perf/bench/idle.sh -o build/bench/idle

.PHONY: peers
peers: all guest-image ## the lab beside OVS-DPDK and Linux bridge + tap
	@$(B)/bin/weft-lab run examples/lab-peers.yaml -o build/peers

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf build

# --- installing -----------------------------------------------------------------------------

SYSCONFDIR ?= /etc
bindir     := $(DESTDIR)$(PREFIX)/bin
libdir     := $(DESTDIR)$(PREFIX)/lib/weft
sharedir   := $(DESTDIR)$(PREFIX)/share
unitdir    := $(DESTDIR)$(PREFIX)/lib/systemd/system
confdir    := $(DESTDIR)$(SYSCONFDIR)/weft
compdir    := $(sharedir)/bash-completion/completions

INSTALLED_BINS := $(filter-out weft-agent weft-bench weft-bench-nat weft-fairness,$(PROGRAMS))
MAN_PAGES      := $(patsubst %,$(B)/%,$(wildcard man/*)) $(B)/man/weft.8 $(B)/man/weft.yaml.5
GENERATED      := $(MAN_PAGES) $(B)/share/weft.bash $(B)/share/weft.schema.json
man_path        = $(sharedir)/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

# From the tables of the programs; the other pages are written by hand and get the version.
$(B)/man/weft.8: $(B)/bin/weft
	@mkdir -p $(@D)
	$(Q)$< --print-man >$@
$(B)/man/weft.yaml.5: $(B)/bin/weftd
	@mkdir -p $(@D)
	$(Q)$< --print-man >$@
$(B)/man/%: man/% $(B)/obj/version
	@mkdir -p $(@D)
	$(Q)sed 's/@VERSION@/$(VERSION)/' $< >$@
$(B)/share/weft.bash: $(B)/bin/weft
	@mkdir -p $(@D)
	$(Q)$< --print-completion bash >$@
$(B)/share/weft.schema.json: $(B)/bin/weftd
	@mkdir -p $(@D)
	$(Q)$< --print-schema >$@

.PHONY: generated
generated: $(GENERATED)

.PHONY: install
install: all generated ## install below DESTDIR and PREFIX, the guest image too where it is built
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(bindir) $(libdir) $(sharedir)/weft $(unitdir) $(confdir) $(compdir)
	$(Q)install $(addprefix $(B)/bin/,$(INSTALLED_BINS)) $(bindir)
	$(Q)install $(B)/bin/weft-agent $(libdir)
	$(Q)$(foreach f,$(wildcard $(addprefix $(IMAGE_DIR)/,vmlinuz vmlinux initrd.img)), \
		install -m 644 $(f) $(libdir) &&) true
	$(Q)install -m 644 $(B)/share/weft.schema.json $(sharedir)/weft
	$(Q)$(foreach m,$(MAN_PAGES),install -D -m 644 $(m) $(call man_path,$(m)) &&) true
	$(Q)install -m 644 $(B)/share/weft.bash $(compdir)/weft
	$(Q)sed 's,/usr/local/bin,$(PREFIX)/bin,; s,/etc/weft,$(SYSCONFDIR)/weft,' \
		dist/weftd.service >$(unitdir)/weftd.service
	$(Q)[ -e $(confdir)/weft.yaml ] || install -m 644 config/example.yaml $(confdir)/weft.yaml
	@[ -e $(IMAGE_DIR)/vmlinux ] || \
		echo "no guest image was built: run \`make guest-image\` and install again, or name" \
		     "kernels of your own in the configuration"

.PHONY: uninstall
uninstall: ## remove what install put there, the configuration aside
	$(Q)rm -f $(addprefix $(bindir)/,$(INSTALLED_BINS)) $(compdir)/weft \
		$(addprefix $(libdir)/,weft-agent vmlinuz vmlinux initrd.img) \
		$(sharedir)/weft/weft.schema.json $(unitdir)/weftd.service \
		$(foreach m,$(MAN_PAGES),$(call man_path,$(m)))
	$(Q)rmdir --ignore-fail-on-non-empty $(wildcard $(libdir) $(sharedir)/weft)

.PHONY: dist
dist: ## a tarball of the last commit in build/, which builds without git
	@mkdir -p build
	$(Q)git archive --format=tar.gz --prefix=weft-$(VERSION)/ \
		--add-virtual-file=weft-$(VERSION)/version:$(VERSION) \
		-o build/weft-$(VERSION).tar.gz HEAD
	@echo build/weft-$(VERSION).tar.gz
