# SPDX-License-Identifier: GPL-2.0-or-later
include uplink/nic.mk
