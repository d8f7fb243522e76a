/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UPLINK_ETHDEV_H
#define UPLINK_ETHDEV_H

/*
 * A port on a DPDK ethdev: a NIC that is bound to vfio-pci, by its PCI address, or, as a last
 * resort, any network device by DPDK's af_packet driver. The driver is one of DPDK's plugins, and
 * the device is probed when the port is made and removed with it (rte_eal_hotplug_add).
 *
 * Received mbufs are held until their frames are done with; frames borrow from them. What is sent
 * is copied once, into mbufs of a pool of the queue's own. Checksums and segmentation are left to
 * the NIC where it has them, in the way of RTE_MBUF_F_TX_TCP_SEG and its kin; else they are done
 * here.
 *
 * Sleeping. A driver with receive interrupts wakes the worker. Without them, as with af_packet, a
 * worker that sleeps has to get up and look: after 50 us while there was traffic lately, more and
 * more seldom later, after 3 ms at most. That is what a frame waits at worst, and it costs an idle
 * worker a percent or two of a core.
 *
 * af_packet shows weft what the kernel sees too: the host goes on to get every frame. Its driver
 * waits for the kernel when its ring is full, a worker with it.
 */

#include "uplink/nic.h"

extern const struct nic_driver ethdev_driver;

#endif
