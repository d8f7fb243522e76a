/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The virtio transport, MSI-X and PCI as a driver sees them; a random number device behind them. */

#include "tests/lib/test.h"

#include <linux/virtio_pci.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/vmmguest.h"
#include "vmm/layout.h"

#define MEMORY	   (16ull << 20)
#define TABLE_AT   0x4000
#define PENDING_AT 0x5000

struct world {
	struct vmmguest g;
	struct virtio *d;
};

static int setup(void **state)
{
	static struct world w;
	struct device_env env;

	vmmguest_init(&w.g, MEMORY);
	env = vmmguest_env(&w.g);
	w.d = virtio_rng_create(&env, NULL);
	vmmguest_plug(&w.g, w.d);
	*state = &w;
	return w.d ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vmmguest_fini(&w->g);
	return 0;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void ask(struct vmmguest *g, uint16_t i)
{
	vmmguest_desc(g, 0, i, GUEST_DATA_AT, 64, VRING_DESC_F_WRITE, 0);
	vmmguest_offer(g, 0, i);
	vmmguest_kick(g, 0);
}

static void a_driver_gets_its_request_served_and_is_interrupted(void **state)
{
	struct world *w = *state;

	vmmguest_drive(&w->g, 0, 1);
	ask(&w->g, 0);
	vmmguest_wait_used(&w->g, 0, 1);

	assert_int_equal(vmmguest_used_len(&w->g, 0, 0), 64);
	assert_true(is_readable(msix_fd(&w->d->msix, 1)));
	assert_int_equal(w->g.irqfds[w->d->msix.vectors[1].gsi], msix_fd(&w->d->msix, 1));
}

static void doorbells_are_eventfds_only_while_the_device_runs(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->g.doorbells, 0);
	vmmguest_drive(&w->g, 0, 1);
	assert_int_equal(w->g.doorbells, 1);
	vmmguest_config_write(&w->g, 1, PCI_COMMAND, 0, 2);
	assert_int_equal(w->g.doorbells, 0);
	vmmguest_config_write(&w->g, 1, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	assert_int_equal(w->g.doorbells, 1);
	vmmguest_status(&w->g, 0);
	assert_int_equal(w->g.doorbells, 0);
}

/* CVE-2026-5747 of Firecracker: the size was changed under a running device. */
static void queue_registers_are_frozen_once_the_driver_is_ready(void **state)
{
	struct world *w = *state;
	struct vmmguest *g = &w->g;

	vmmguest_drive(g, 0, 1);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_SIZE, 4, 2);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_DESCLO, 0xfffff000, 4);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_ENABLE, 0, 2);

	assert_int_equal(vmmguest_common_read(g, VIRTIO_PCI_COMMON_Q_SIZE, 2), GUEST_RING);
	assert_int_equal(vmmguest_common_read(g, VIRTIO_PCI_COMMON_Q_DESCLO, 4), GUEST_RING_AT);
	assert_int_equal(vmmguest_common_read(g, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	ask(g, 0);
	vmmguest_wait_used(g, 0, 1);
}

static void queues_cannot_be_set_up_before_features_are_agreed_on(void **state)
{
	struct world *w = *state;

	vmmguest_status(&w->g, 0);
	vmmguest_queue(&w->g, 0);

	assert_int_equal(vmmguest_common_read(&w->g, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	assert_int_equal(vmmguest_common_read(&w->g, VIRTIO_PCI_COMMON_Q_DESCLO, 4), 0);
}

static void features_that_were_not_offered_are_not_ok(void **state)
{
	struct world *w = *state;

	vmmguest_negotiate(&w->g, VIRTIO_BIT(VIRTIO_F_RING_PACKED));

	assert_false(vmmguest_common_read(&w->g, VIRTIO_PCI_COMMON_STATUS, 1) &
		     VIRTIO_CONFIG_S_FEATURES_OK);
}

static void a_driver_that_skips_a_step_is_asked_to_reset(void **state)
{
	struct world *w = *state;

	vmmguest_status(&w->g, 0);
	vmmguest_status(&w->g, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				       VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(vmmguest_common_read(&w->g, VIRTIO_PCI_COMMON_STATUS, 1) &
		    VIRTIO_CONFIG_S_NEEDS_RESET);

	vmmguest_drive(&w->g, 0, 1);
	ask(&w->g, 0);
	vmmguest_wait_used(&w->g, 0, 1);
}

static void rings_outside_of_memory_are_refused(void **state)
{
	struct world *w = *state;
	struct vmmguest *g = &w->g;

	vmmguest_negotiate(g, 0);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_USEDLO, (uint32_t)MEMORY - 4, 4);
	vmmguest_common_write(g, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	vmmguest_driver_ok(g);

	assert_true(vmmguest_common_read(g, VIRTIO_PCI_COMMON_STATUS, 1) &
		    VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void a_chain_that_loops_breaks_its_queue_only(void **state)
{
	struct world *w = *state;
	struct vmmguest *g = &w->g;

	vmmguest_drive(g, 0, 1);
	vmmguest_desc(g, 0, 0, GUEST_DATA_AT, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 0);
	vmmguest_offer(g, 0, 0);
	vmmguest_kick(g, 0);
	loop_run_once(g->loop, 100);

	assert_int_equal(vmmguest_used(g, 0), 0);
	assert_true(vmmguest_common_read(g, VIRTIO_PCI_COMMON_STATUS, 1) &
		    VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void a_masked_vector_collects_and_delivers_when_it_is_unmasked(void **state)
{
	struct world *w = *state;
	struct vmmguest *g = &w->g;
	const uint32_t masked = 1, open = 0;
	uint64_t control = g->bar + TABLE_AT + MSIX_ENTRY + 12;
	uint32_t pending = 0;

	vmmguest_drive(g, 0, 1);
	bus_write(&g->memory_bus, control, &masked, 4);
	ask(g, 0);
	vmmguest_wait_used(g, 0, 1);
	bus_read(&g->memory_bus, g->bar + PENDING_AT, &pending, 4);

	assert_int_equal(pending, 1 << 1);
	assert_int_equal(g->irqfds[w->d->msix.vectors[1].gsi], -1);
	bus_write(&g->memory_bus, control, &open, 4);
	assert_int_equal(g->irqfds[w->d->msix.vectors[1].gsi], msix_fd(&w->d->msix, 1));
}

static void configuration_is_the_same_by_ports_and_by_memory(void **state)
{
	struct world *w = *state;
	uint32_t address = 1u << 31 | 1 << 11, by_ports = 0;

	bus_write(&w->g.ports, PORT_PCI_ADDRESS, &address, 4);
	bus_read(&w->g.ports, PORT_PCI_DATA, &by_ports, 4);

	assert_int_equal(by_ports, vmmguest_config_read(&w->g, 1, 0, 4));
	assert_int_equal(by_ports, 0x10441af4);
	assert_int_equal(vmmguest_config_read(&w->g, 2, 0, 4), 0xffffffff);
}

static void a_bar_tells_its_size_and_answers_where_it_was_moved_to(void **state)
{
	struct world *w = *state;
	struct vmmguest *g = &w->g;

	vmmguest_config_write(g, 1, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
	assert_int_equal(vmmguest_config_read(g, 1, PCI_BASE_ADDRESS_0, 4), 0xffff8000);

	g->bar = BAR_WINDOW_END - 0x8000;
	vmmguest_config_write(g, 1, PCI_BASE_ADDRESS_0, (uint32_t)g->bar, 4);
	vmmguest_drive(g, 0, 1);
	ask(g, 0);
	vmmguest_wait_used(g, 0, 1);
}

static void the_bar_is_reached_through_configuration_space_too(void **state)
{
	struct world *w = *state;
	unsigned cap = w->d->pci_cap_at;

	vmmguest_config_write(&w->g, 1, cap + VIRTIO_PCI_CAP_BAR, 0, 1);
	vmmguest_config_write(&w->g, 1, cap + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_COMMON_NUMQ, 4);
	vmmguest_config_write(&w->g, 1, cap + VIRTIO_PCI_CAP_LENGTH, 2, 4);

	assert_int_equal(vmmguest_config_read(&w->g, 1, cap + sizeof(struct virtio_pci_cap), 2), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_driver_gets_its_request_served_and_is_interrupted),
		TEST(doorbells_are_eventfds_only_while_the_device_runs),
		TEST(queue_registers_are_frozen_once_the_driver_is_ready),
		TEST(queues_cannot_be_set_up_before_features_are_agreed_on),
		TEST(features_that_were_not_offered_are_not_ok),
		TEST(a_driver_that_skips_a_step_is_asked_to_reset),
		TEST(rings_outside_of_memory_are_refused),
		TEST(a_chain_that_loops_breaks_its_queue_only),
		TEST(a_masked_vector_collects_and_delivers_when_it_is_unmasked),
		TEST(configuration_is_the_same_by_ports_and_by_memory),
		TEST(a_bar_tells_its_size_and_answers_where_it_was_moved_to),
		TEST(the_bar_is_reached_through_configuration_space_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
