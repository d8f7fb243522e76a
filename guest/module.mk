# SPDX-License-Identifier: GPL-2.0-or-later
# What runs inside a guest: the agent (static, so that an initramfs needs nothing else), and the
# image that holds it.
PROGRAMS += weft-agent
weft-agent_SRCS := guest/agent.c guest/command.c common/agent_proto.c
weft-agent_LDFLAGS := $(if $(filter release,$(VARIANT)),-static)

IMAGE_DIR ?= build/image

.PHONY: guest-image
guest-image: $(B)/bin/weft-agent $(if $(filter weft-perf,$(PROGRAMS)),$(B)/bin/weft-perf) ## build the guest kernel and initramfs in build/image
	$(Q)guest/mkimage.sh $(IMAGE_DIR) $(B)/bin/weft-agent $(wildcard $(B)/bin/weft-perf)
