/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/serial.h"

#include <linux/serial_reg.h>
#include <string.h>
#include <unistd.h>

enum { DIVISOR_9600 = 12, FIFO_ENABLED_BITS = 0xc0 };

void serial_init(struct serial *s, struct stream *stream, int irq_fd)
{
	*s = (struct serial){.stream = stream, .irq_fd = irq_fd};
	serial_reset(s);
}

void serial_reset(struct serial *s)
{
	s->interrupt_enable = s->line_control = s->modem_control = s->scratch = 0;
	s->fifo_control = 0;
	s->divisor = DIVISOR_9600;
	s->empty_pending = false;
	s->head = s->len = 0;
}

static bool data_due(const struct serial *s)
{
	return s->len && s->interrupt_enable & UART_IER_RDI;
}

static bool empty_due(const struct serial *s)
{
	return s->empty_pending && s->interrupt_enable & UART_IER_THRI;
}

static void interrupt(struct serial *s)
{
	const uint64_t one = 1;

	if ((data_due(s) || empty_due(s)) && s->irq_fd >= 0)
		(void)!write(s->irq_fd, &one, sizeof(one));
}

static bool loops_back(const struct serial *s)
{
	return s->modem_control & UART_MCR_LOOP;
}

static void receive(struct serial *s, uint8_t byte)
{
	if (s->len < SERIAL_FIFO)
		s->fifo[(s->head + s->len++) % SERIAL_FIFO] = byte;
}

static uint8_t take(struct serial *s)
{
	uint8_t byte = 0;

	if (s->len) {
		byte = s->fifo[s->head];
		s->head = (s->head + 1) % SERIAL_FIFO;
		s->len--;
	}
	if (!s->len && s->stream)
		stream_unblock(s->stream);
	return byte;
}

/* Reading it takes the transmitter's interrupt away. */
static uint8_t identify(struct serial *s)
{
	uint8_t fifo = s->fifo_control & UART_FCR_ENABLE_FIFO ? FIFO_ENABLED_BITS : 0;

	if (data_due(s))
		return fifo | UART_IIR_RDI;
	if (!empty_due(s))
		return fifo | UART_IIR_NO_INT;
	s->empty_pending = false;
	return fifo | UART_IIR_THRI;
}

static uint8_t modem_status(const struct serial *s)
{
	uint8_t c = s->modem_control;

	if (!loops_back(s))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	return (uint8_t)((c & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			 (c & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			 (c & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			 (c & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static uint8_t read_register(struct serial *s, uint64_t reg)
{
	bool divisor = s->line_control & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return divisor ? (uint8_t)s->divisor : take(s);
	case UART_IER:
		return divisor ? (uint8_t)(s->divisor >> 8) : s->interrupt_enable;
	case UART_IIR:
		return identify(s);
	case UART_LCR:
		return s->line_control;
	case UART_MCR:
		return s->modem_control;
	case UART_LSR:
		return UART_LSR_THRE | UART_LSR_TEMT | (s->len ? UART_LSR_DR : 0);
	case UART_MSR:
		return modem_status(s);
	default:
		return s->scratch;
	}
}

static void transmit(struct serial *s, uint8_t byte)
{
	if (loops_back(s))
		receive(s, byte);
	else if (s->stream)
		stream_write(s->stream, &byte, 1);
	s->empty_pending = true;
}

static void set_interrupt_enable(struct serial *s, uint8_t value)
{
	/* The transmitter is empty: whoever asks to be told is told at once. */
	if (value & UART_IER_THRI & ~s->interrupt_enable)
		s->empty_pending = true;
	s->interrupt_enable = value & 0xf;
}

static void write_register(struct serial *s, uint64_t reg, uint8_t value)
{
	bool divisor = s->line_control & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (divisor)
			s->divisor = (uint16_t)((s->divisor & 0xff00) | value);
		else
			transmit(s, value);
		break;
	case UART_IER:
		if (divisor)
			s->divisor = (uint16_t)((s->divisor & 0xff) | value << 8);
		else
			set_interrupt_enable(s, value);
		break;
	case UART_FCR:
		s->fifo_control = value;
		if (value & UART_FCR_CLEAR_RCVR)
			s->head = s->len = 0;
		break;
	case UART_LCR:
		s->line_control = value;
		break;
	case UART_MCR:
		s->modem_control = value & 0x1f;
		break;
	case UART_SCR:
		s->scratch = value;
		break;
	}
}

static void serial_read(void *device, uint64_t offset, void *data, unsigned len)
{
	if (len == 1)
		*(uint8_t *)data = read_register(device, offset);
}

static void serial_write(void *device, uint64_t offset, const void *data, unsigned len)
{
	struct serial *s = device;

	if (len != 1)
		return;
	write_register(s, offset, *(const uint8_t *)data);
	interrupt(s);
}

const struct bus_ops serial_ops = {serial_read, serial_write};

static size_t input_room(void *arg)
{
	const struct serial *s = arg;

	return SERIAL_FIFO - s->len;
}

static void input(void *arg, const uint8_t *bytes, size_t len)
{
	struct serial *s = arg;

	for (size_t i = 0; i < len; i++)
		receive(s, bytes[i]);
	interrupt(s);
}

const struct stream_ops serial_stream_ops = {.room = input_room, .input = input};

void serial_save(const struct serial *s, struct state_writer *w)
{
	state_put_u8(w, s->interrupt_enable);
	state_put_u8(w, s->line_control);
	state_put_u8(w, s->modem_control);
	state_put_u8(w, s->scratch);
	state_put_u8(w, s->fifo_control);
	state_put_u16(w, s->divisor);
	state_put_u8(w, s->empty_pending);
	state_put_u8(w, (uint8_t)s->len);
	for (unsigned i = 0; i < s->len; i++)
		state_put_u8(w, s->fifo[(s->head + i) % SERIAL_FIFO]);
}

/* Its interrupt may not have been delivered: it is raised again. */
int serial_load(struct serial *s, struct state_reader *r, struct err *e)
{
	unsigned len;

	s->interrupt_enable = state_get_u8(r) & 0xf;
	s->line_control = state_get_u8(r);
	s->modem_control = state_get_u8(r) & 0x1f;
	s->scratch = state_get_u8(r);
	s->fifo_control = state_get_u8(r);
	s->divisor = state_get_u16(r);
	s->empty_pending = state_get_u8(r) == 1;
	s->head = s->len = 0;
	len = state_get_u8(r);
	if (len > SERIAL_FIFO)
		return state_refuse(r, e, "more input than the serial line holds");
	for (unsigned i = 0; i < len; i++)
		receive(s, state_get_u8(r));
	interrupt(s);
	return 0;
}
