/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_POWER_H
#define VMM_POWER_H

/*
 * The few ports through which the guest resets itself, switches itself off and is told of events:
 * ACPI's reset and sleep registers, the keyboard controller's reset line, and the registers behind
 * the generic event device (vmm/acpi.c has its methods).
 */

#include "vmm/bus.h"
#include "vmm/state.h"

/* Called in a CPU's thread with the machine's lock. */
struct power_ops {
	void (*reset)(void *arg);
	void (*off)(void *arg);
	/* The guest has let go of the devices in `slots`, a bit each. */
	void (*ejected)(void *arg, uint32_t slots);
};

struct power {
	const struct power_ops *ops;
	void *arg;
	int event_fd; /* eventfd of the event device's interrupt */
	uint8_t events;
	uint32_t slots_up, slots_down;
};

void power_init(struct power *p, struct bus *ports, const struct power_ops *ops, void *arg,
		int event_fd);
/* Forgets what the guest was not told yet. */
void power_reset(struct power *p);
/* Each tells the guest. */
void power_button(struct power *p);
void power_slot_up(struct power *p, unsigned slot);
void power_slot_down(struct power *p, unsigned slot);

/* What the guest was not told yet, in a machine's state; loaded, it is told again. */
void power_save(const struct power *p, struct state_writer *w);
void power_load(struct power *p, struct state_reader *r);

#endif
