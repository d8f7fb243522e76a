/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/power.h"

#include <string.h>
#include <unistd.h>

#include "vmm/layout.h"

enum {
	EVENT_BUTTON = 1,
	EVENT_SLOTS = 2,
	SLEEP_ENABLE = 0x20,
	SLEEP_TYPE_SHIFT = 2,
	SLEEP_TYPE_MASK = 7,
	I8042_PULSE_RESET = 0xfe,
	SLOTS_UP = 0,
	SLOTS_DOWN = 4,
	SLOTS_EJECT = 8,
};

static void reset_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct power *p = device;

	if (*(const uint8_t *)data == RESET_VALUE)
		p->ops->reset(p->arg);
}

static const struct bus_ops reset_ops = {.write = reset_write};

static void i8042_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct power *p = device;

	if (*(const uint8_t *)data == I8042_PULSE_RESET)
		p->ops->reset(p->arg);
}

static const struct bus_ops i8042_ops = {.write = i8042_write};

/* The control register, then the status register, which has nothing to say. */
static void sleep_read(void *device, uint64_t offset, void *data, unsigned len)
{
	memset(data, 0, len);
}

static void sleep_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct power *p = device;
	uint8_t value = *(const uint8_t *)data;

	if (offset == 0 && value & SLEEP_ENABLE &&
	    (value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK) == SLEEP_TYPE_S5)
		p->ops->off(p->arg);
}

static const struct bus_ops sleep_ops = {sleep_read, sleep_write};

static void events_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct power *p = device;

	memset(data, 0, len);
	*(uint8_t *)data = p->events;
	p->events = 0;
}

static const struct bus_ops events_ops = {.read = events_read};

static void slots_read(void *device, uint64_t offset, void *data, unsigned len)
{
	struct power *p = device;
	uint32_t none = 0, *from = offset == SLOTS_UP	  ? &p->slots_up
				   : offset == SLOTS_DOWN ? &p->slots_down
							  : &none;

	if (len != sizeof(*from))
		return;
	memcpy(data, from, len);
	*from = 0;
}

static void slots_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct power *p = device;
	uint32_t slots;

	if (offset != SLOTS_EJECT || len != sizeof(slots))
		return;
	memcpy(&slots, data, len);
	p->ops->ejected(p->arg, slots);
}

static const struct bus_ops slots_ops = {slots_read, slots_write};

void power_init(struct power *p, struct bus *ports, const struct power_ops *ops, void *arg,
		int event_fd)
{
	*p = (struct power){.ops = ops, .arg = arg, .event_fd = event_fd};
	bus_add(ports, PORT_RESET, 1, &reset_ops, p);
	bus_add(ports, PORT_I8042, 1, &i8042_ops, p);
	bus_add(ports, PORT_SLEEP, 2, &sleep_ops, p);
	bus_add(ports, PORT_EVENTS, 1, &events_ops, p);
	bus_add(ports, PORT_HOTPLUG, 12, &slots_ops, p);
}

void power_reset(struct power *p)
{
	p->events = 0;
	p->slots_up = p->slots_down = 0;
}

static void tell(struct power *p, uint8_t event)
{
	const uint64_t one = 1;

	p->events |= event;
	(void)!write(p->event_fd, &one, sizeof(one));
}

void power_button(struct power *p)
{
	tell(p, EVENT_BUTTON);
}

void power_slot_up(struct power *p, unsigned slot)
{
	p->slots_up |= 1u << slot;
	tell(p, EVENT_SLOTS);
}

void power_slot_down(struct power *p, unsigned slot)
{
	p->slots_down |= 1u << slot;
	tell(p, EVENT_SLOTS);
}

void power_save(const struct power *p, struct state_writer *w)
{
	state_put_u8(w, p->events);
	state_put_u32(w, p->slots_up);
	state_put_u32(w, p->slots_down);
}

void power_load(struct power *p, struct state_reader *r)
{
	uint8_t events = state_get_u8(r);

	p->slots_up = state_get_u32(r);
	p->slots_down = state_get_u32(r);
	if (events)
		tell(p, events);
}
