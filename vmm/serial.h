/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

/*
 * COM1: a 16550A as drivers see it (National's PC16550D), without line speed: what the guest writes
 * is sent at once, its transmitter is always empty. The guest's output goes to a stream, which
 * loses what nobody takes; the stream's input waits in a FIFO.
 */

#include "vmm/bus.h"
#include "vmm/state.h"
#include "vmm/stream.h"

#define SERIAL_FIFO 64

struct serial {
	uint8_t interrupt_enable, line_control, modem_control, scratch, fifo_control;
	uint16_t divisor;
	bool empty_pending; /* the transmitter's interrupt is due */
	unsigned head, len;
	uint8_t fifo[SERIAL_FIFO];
	struct stream *stream;
	int irq_fd; /* eventfd of its interrupt, an edge */
};

extern const struct bus_ops serial_ops; /* eight ports; the device is a struct serial */
extern const struct stream_ops serial_stream_ops;

void serial_init(struct serial *s, struct stream *stream, int irq_fd);
void serial_reset(struct serial *s);

/* Registers and input, in a machine's state. */
void serial_save(const struct serial *s, struct state_writer *w);
int serial_load(struct serial *s, struct state_reader *r, struct err *e);

#endif
