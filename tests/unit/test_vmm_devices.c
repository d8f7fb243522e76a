/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The serial line, the disk and the named port, each as its driver uses it. */

#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/vmmguest.h"
#include "vmm/serial.h"
#include "vmm/unix_socket.h"

#define MEMORY	   (16ull << 20)
#define DISK_BYTES (1 << 20)

struct world {
	struct vmmguest g;
	struct virtio *d;
	char dir[64], disk[96], socket[96];
};

static int setup(void **state)
{
	static struct world w;

	vmmguest_init(&w.g, MEMORY);
	w.d = NULL;
	strcpy(w.dir, "/tmp/weft-vmm-test.XXXXXX");
	if (!mkdtemp(w.dir))
		return -1;
	snprintf(w.disk, sizeof(w.disk), "%s/disk", w.dir);
	snprintf(w.socket, sizeof(w.socket), "%s/port", w.dir);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vmmguest_fini(&w->g);
	unlink(w->disk);
	return rmdir(w->dir);
}

/* --- serial
 * ---------------------------------------------------------------------------------------- */

static uint8_t in(struct serial *s, unsigned reg)
{
	uint8_t v = 0;

	serial_ops.read(s, reg, &v, 1);
	return v;
}

static void out(struct serial *s, unsigned reg, uint8_t v)
{
	serial_ops.write(s, reg, &v, 1);
}

static void the_serial_line_gives_input_in_order_and_says_when_it_is_empty(void **state)
{
	int irq = eventfd(0, EFD_NONBLOCK);
	struct serial s;
	eventfd_t count;

	serial_init(&s, NULL, irq);
	out(&s, UART_IER, UART_IER_RDI);
	serial_stream_ops.input(&s, (const uint8_t *)"ab", 2);

	assert_int_equal(eventfd_read(irq, &count), 0);
	assert_int_equal(in(&s, UART_IIR) & UART_IIR_ID, UART_IIR_RDI);
	assert_int_equal(in(&s, UART_RX), 'a');
	assert_int_equal(in(&s, UART_RX), 'b');
	assert_int_equal(in(&s, UART_LSR) & UART_LSR_DR, 0);
	assert_int_equal(in(&s, UART_IIR) & UART_IIR_NO_INT, UART_IIR_NO_INT);
	close(irq);
}

static void the_serial_line_takes_no_more_than_its_fifo_holds(void **state)
{
	uint8_t bytes[2 * SERIAL_FIFO] = {0};
	struct serial s;

	serial_init(&s, NULL, -1);
	serial_stream_ops.input(&s, bytes, sizeof(bytes));

	assert_int_equal(serial_stream_ops.room(&s), 0);
	for (unsigned i = 0; i < SERIAL_FIFO; i++)
		in(&s, UART_RX);
	assert_int_equal(in(&s, UART_LSR) & UART_LSR_DR, 0);
}

/* --- disk
 * ------------------------------------------------------------------------------------------- */

static struct virtio *plug_disk(struct world *w, struct disk_params p, struct err *e)
{
	struct device_env env = vmmguest_env(&w->g);
	int fd = open(w->disk, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, DISK_BYTES) < 0)
		fail();
	close(fd);
	p.path = w->disk;
	w->d = virtio_blk_create(&env, &p, e);
	if (w->d)
		vmmguest_plug(&w->g, w->d);
	return w->d;
}

/* Header, data and status in three descriptors; the status is returned. */
static uint8_t request(struct world *w, uint32_t type, uint64_t sector, uint32_t len)
{
	struct virtio_blk_outhdr h = {.type = type, .sector = sector};
	uint16_t data = type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;
	uint8_t *status = (uint8_t *)vmmguest_data(&w->g, 0) + 64;

	memcpy(vmmguest_data(&w->g, 0), &h, sizeof(h));
	*status = 0xff;
	vmmguest_desc(&w->g, 0, 0, GUEST_DATA_AT, sizeof(h), VRING_DESC_F_NEXT, 1);
	vmmguest_desc(&w->g, 0, 1, GUEST_DATA_AT + 0x10000, len, VRING_DESC_F_NEXT | data, 2);
	vmmguest_desc(&w->g, 0, 2, GUEST_DATA_AT + 64, 1, VRING_DESC_F_WRITE, 0);
	vmmguest_offer(&w->g, 0, 0);
	vmmguest_kick(&w->g, 0);
	vmmguest_wait_used(&w->g, 0, w->g.avail[0]);
	return *status;
}

static void a_disk_keeps_what_is_written(void **state)
{
	struct world *w = *state;

	plug_disk(w, (struct disk_params){0}, NULL);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_BLK_F_FLUSH), 1);
	memset(vmmguest_data(&w->g, 0x10000), 0x5a, 1024);
	assert_int_equal(request(w, VIRTIO_BLK_T_OUT, 7, 1024), VIRTIO_BLK_S_OK);
	assert_int_equal(request(w, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	memset(vmmguest_data(&w->g, 0x10000), 0, 1024);

	assert_int_equal(request(w, VIRTIO_BLK_T_IN, 7, 1024), VIRTIO_BLK_S_OK);

	assert_int_equal(((uint8_t *)vmmguest_data(&w->g, 0x10000))[1023], 0x5a);
	assert_int_equal(vmmguest_used_len(&w->g, 0, 2), 1025);
}

static void a_disk_refuses_what_is_behind_its_end_or_no_sector(void **state)
{
	struct world *w = *state;

	plug_disk(w, (struct disk_params){0}, NULL);
	vmmguest_drive(&w->g, 0, 1);

	assert_int_equal(request(w, VIRTIO_BLK_T_IN, DISK_BYTES / 512, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(w, VIRTIO_BLK_T_IN, DISK_BYTES / 512 - 1, 1024),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(w, VIRTIO_BLK_T_IN, UINT64_MAX, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(w, VIRTIO_BLK_T_IN, 0, 511), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(w, 77, 0, 512), VIRTIO_BLK_S_UNSUPP);
}

static void a_read_only_disk_is_not_written_to(void **state)
{
	struct world *w = *state;

	plug_disk(w, (struct disk_params){.readonly = true}, NULL);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_BLK_F_RO), 1);

	assert_int_equal(request(w, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
}

static void discarded_sectors_are_given_back_and_read_as_zeroes(void **state)
{
	struct world *w = *state;
	struct virtio_blk_discard_write_zeroes seg = {.sector = 0, .num_sectors = 64};
	struct stat st;

	plug_disk(w, (struct disk_params){0}, NULL);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_BLK_F_DISCARD), 1);
	memset(vmmguest_data(&w->g, 0x10000), 0x5a, 32768);
	request(w, VIRTIO_BLK_T_OUT, 0, 32768);
	memcpy(vmmguest_data(&w->g, 0x10000), &seg, sizeof(seg));

	assert_int_equal(request(w, VIRTIO_BLK_T_DISCARD, 0, sizeof(seg)), VIRTIO_BLK_S_OK);

	assert_int_equal(request(w, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(((uint8_t *)vmmguest_data(&w->g, 0x10000))[0], 0);
	assert_int_equal(stat(w->disk, &st), 0);
	assert_int_equal(st.st_size, DISK_BYTES);
}

static void an_image_that_another_one_uses_is_refused(void **state)
{
	struct world *w = *state;
	struct device_env env = vmmguest_env(&w->g);
	const struct disk_params again = {.path = w->disk};
	struct err e;

	plug_disk(w, (struct disk_params){0}, NULL);

	assert_null(virtio_blk_create(&env, &again, &e));
	assert_non_null(strstr(e.text, "in use by another process"));
}

static void a_qcow2_image_is_refused_with_a_pointer(void **state)
{
	struct world *w = *state;
	struct device_env env = vmmguest_env(&w->g);
	const struct disk_params p = {.path = w->disk};
	int fd = open(w->disk, O_RDWR | O_CREAT, 0600);
	struct err e;

	assert_int_equal(write(fd, "QFI\xfb", 4), 4);
	close(fd);

	assert_null(virtio_blk_create(&env, &p, &e));
	assert_non_null(strstr(e.text, "engine: qemu"));
}

/* --- port
 * ------------------------------------------------------------------------------------------- */

enum { CONTROL_RX = 2, CONTROL_TX, PORT_RX, PORT_TX, QUEUES };

static void post_buffers(struct world *w, unsigned queue, unsigned n)
{
	for (uint16_t i = 0; i < n; i++) {
		vmmguest_desc(&w->g, queue, i, GUEST_DATA_AT + queue * 0x10000 + i * 256, 256,
			      VRING_DESC_F_WRITE, 0);
		vmmguest_offer(&w->g, queue, i);
	}
	vmmguest_kick(&w->g, queue);
}

static void send_control(struct world *w, uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control h = {id, event, value};
	uint16_t i = w->g.avail[CONTROL_TX] % GUEST_RING;

	memcpy(vmmguest_data(&w->g, CONTROL_TX * 0x10000), &h, sizeof(h));
	vmmguest_desc(&w->g, CONTROL_TX, i, GUEST_DATA_AT + CONTROL_TX * 0x10000, sizeof(h), 0, 0);
	vmmguest_offer(&w->g, CONTROL_TX, i);
	vmmguest_kick(&w->g, CONTROL_TX);
	vmmguest_wait_used(&w->g, CONTROL_TX, w->g.avail[CONTROL_TX]);
}

static const struct virtio_console_control *control(struct world *w, unsigned i)
{
	return (const void *)((uint8_t *)vmmguest_data(&w->g, CONTROL_RX * 0x10000) + i * 256);
}

static void plug_port(struct world *w)
{
	struct device_env env = vmmguest_env(&w->g);
	char where[128];

	snprintf(where, sizeof(where), "unix:%s", w->socket);
	w->d = virtio_console_create(&env, "weft.agent", where, NULL);
	vmmguest_plug(&w->g, w->d);
	vmmguest_drive(&w->g, VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT), QUEUES);
	post_buffers(w, CONTROL_RX, 8);
	post_buffers(w, PORT_RX, 2);
	send_control(w, ~0u, VIRTIO_CONSOLE_DEVICE_READY, 1);
	send_control(w, 1, VIRTIO_CONSOLE_PORT_READY, 1);
}

static void a_port_has_its_name_and_tells_of_clients(void **state)
{
	struct world *w = *state;
	int fd;

	plug_port(w);
	vmmguest_wait_used(&w->g, CONTROL_RX, 2);
	assert_int_equal(control(w, 0)->event, VIRTIO_CONSOLE_PORT_ADD);
	assert_int_equal(control(w, 1)->event, VIRTIO_CONSOLE_PORT_NAME);
	assert_memory_equal(control(w, 1) + 1, "weft.agent", 10);

	fd = unix_connect(w->socket, NULL);
	vmmguest_wait_used(&w->g, CONTROL_RX, 3);
	assert_int_equal(control(w, 2)->event, VIRTIO_CONSOLE_PORT_OPEN);
	assert_int_equal(control(w, 2)->value, 1);

	close(fd);
	vmmguest_wait_used(&w->g, CONTROL_RX, 4);
	assert_int_equal(control(w, 3)->value, 0);
}

static void a_ports_bytes_go_both_ways_once_the_guest_opened_it(void **state)
{
	struct world *w = *state;
	char answer[8] = "";
	int fd;

	plug_port(w);
	fd = unix_connect(w->socket, NULL);
	assert_int_equal(write(fd, "hello", 5), 5);
	vmmguest_wait_used(&w->g, CONTROL_RX, 3);
	assert_int_equal(vmmguest_used(&w->g, PORT_RX), 0);

	send_control(w, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	vmmguest_wait_used(&w->g, PORT_RX, 1);
	assert_memory_equal(vmmguest_data(&w->g, PORT_RX * 0x10000), "hello", 5);

	memcpy(vmmguest_data(&w->g, PORT_TX * 0x10000), "there", 5);
	vmmguest_desc(&w->g, PORT_TX, 0, GUEST_DATA_AT + PORT_TX * 0x10000, 5, 0, 0);
	vmmguest_offer(&w->g, PORT_TX, 0);
	vmmguest_kick(&w->g, PORT_TX);
	vmmguest_wait_used(&w->g, PORT_TX, 1);
	assert_int_equal(read(fd, answer, sizeof(answer)), 5);
	assert_memory_equal(answer, "there", 5);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_serial_line_gives_input_in_order_and_says_when_it_is_empty),
		TEST(the_serial_line_takes_no_more_than_its_fifo_holds),
		TEST(a_disk_keeps_what_is_written),
		TEST(a_disk_refuses_what_is_behind_its_end_or_no_sector),
		TEST(a_read_only_disk_is_not_written_to),
		TEST(discarded_sectors_are_given_back_and_read_as_zeroes),
		TEST(an_image_that_another_one_uses_is_refused),
		TEST(a_qcow2_image_is_refused_with_a_pointer),
		TEST(a_port_has_its_name_and_tells_of_clients),
		TEST(a_ports_bytes_go_both_ways_once_the_guest_opened_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
