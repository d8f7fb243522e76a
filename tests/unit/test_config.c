/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

static void an_empty_file_is_a_switch_with_no_bridges(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "---\n", "version: 1\n",
					    "version: 1\nbridges:\nguests: ~\nswitch: {}\n"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config *c = config_of(texts[i]);

		assert_int_equal(c->n_bridges + c->n_ports + c->n_guests, 0);
		assert_string_equal(c->sw.run_dir, "/run/weft");
		assert_int_equal(c->sw.workers, 0);
		assert_int_equal(c->sw.hugepages, CONFIG_AUTO);
		assert_true(c->sw.idle_auto);
		assert_int_equal(c->sw.socket_mode, 0600);
		assert_string_equal(c->sw.socket_owner, "");
		config_free(c);
	}
}

static void what_is_not_written_has_its_default(void **state)
{
	struct config *c = config_of("version: 1\n"
				     "bridges: {lan: }\n"
				     "ports: {vm7: {bridge: lan}}\n"
				     "guests: {alpha: {nics: [{bridge: lan}]}}\n");
	const struct config_guest *g = &c->guests[0];

	assert_false(c->bridges[0].has_address);
	assert_int_equal(c->bridges[0].ageing_ns, 300 * NS_PER_S);
	assert_int_equal(c->bridges[0].fdb_entries, 65536);
	assert_string_equal(c->ports[0].vhost.path, "/run/weft/vm7.sock");
	assert_int_equal(c->ports[0].vhost.mode, VHOST_MODE_SERVER);
	assert_int_equal(c->ports[0].vhost.socket_mode, 0);
	assert_true(c->ports[0].offloads.tso && c->ports[0].offloads.csum);
	assert_true(c->ports[0].offloads.uso);
	assert_string_equal(g->kernel, "auto");
	assert_string_equal(g->initrd, "auto");
	assert_string_equal(g->append, "");
	assert_int_equal(g->vcpus, 1);
	assert_int_equal(g->memory_bytes, 512ull << 20);
	assert_int_equal(g->engine, ENGINE_AUTO);
	assert_int_equal(g->restart, RESTART_ON_FAILURE);
	assert_true(g->autostart);
	assert_int_equal(g->nics[0].model, NIC_MODEL_VIRTIO);
	assert_int_equal(g->nics[0].mtu, 1500);
	assert_false(g->nics[0].has_address);
	config_free(c);
}

static void what_is_written_arrives(void **state)
{
	struct config *c = config_of(
		"version: 1\n"
		"switch: {workers: 2, hugepages: off, run-dir: /tmp/w/, idle: 50us,\n"
		"         socket: {owner: root, group: kvm, mode: 0660}}\n"
		"bridges: {lan: {ageing: never, fdb-entries: 1024,\n"
		"                static: {52:54:00:00:00:07: vm7, 52-54-00-00-00-0A: a.0}}}\n"
		"ports: {vm7: {bridge: lan, offloads: {tso: no, csum: no},\n"
		"              vhost-user: {path: /x.sock, mode: client, owner: libvirt-qemu,\n"
		"                           group: kvm, socket-mode: \"0770\"}}}\n"
		"guests:\n"
		"  a:\n"
		"    image: {kernel: /k, initrd: none, append: 'a b'}\n"
		"    disks: [{path: /d, format: qcow2, readonly: yes}]\n"
		"    vcpus: 4\n"
		"    memory: 2GiB\n"
		"    engine: qemu\n"
		"    restart: no\n"
		"    autostart: off\n"
		"    nics: [{bridge: lan, mac: 52:54:00:00:00:01, address: 10.1.1.1/24, mtu: "
		"9000}]\n");
	const struct config_guest *g = &c->guests[0];

	assert_int_equal(c->sw.workers, 2);
	assert_int_equal(c->sw.hugepages, CONFIG_OFF);
	assert_string_equal(c->sw.run_dir, "/tmp/w");
	assert_false(c->sw.idle_auto);
	assert_int_equal(c->sw.idle_ns, 50000);
	assert_string_equal(c->sw.socket_group, "kvm");
	assert_int_equal(c->sw.socket_mode, 0660);
	assert_int_equal(c->bridges[0].ageing_ns, 0);
	assert_int_equal(c->bridges[0].n_statics, 2);
	assert_string_equal(c->bridges[0].statics[1].port, "a.0");
	assert_int_equal(c->bridges[0].statics[1].mac.b[5], 10);
	assert_int_equal(c->ports[0].vhost.mode, VHOST_MODE_CLIENT);
	assert_string_equal(c->ports[0].vhost.owner, "libvirt-qemu");
	assert_int_equal(c->ports[0].vhost.socket_mode, 0770);
	assert_false(c->ports[0].offloads.tso);
	assert_string_equal(g->append, "a b");
	assert_string_equal(g->disks[0].format, "qcow2");
	assert_true(g->disks[0].readonly);
	assert_int_equal(g->memory_bytes, 2ull << 30);
	assert_int_equal(g->restart, RESTART_NO);
	assert_false(g->autostart);
	assert_false(g->nics[0].mac_derived);
	assert_int_equal(g->nics[0].address.addr, 0x0a010101);
	assert_int_equal(g->nics[0].mtu, 9000);
	config_free(c);
}

static void a_nic_has_the_kind_of_what_it_is_connected_to(void **state)
{
	struct config *c =
		config_of("version: 1\n"
			  "bridges: {lan: {}}\n"
			  "guests: {a: {nics: [{bridge: lan}, {tap: {name: t0}, model: e1000},\n"
			  "  {vhost-user: {path: /o, mode: client}}]}}\n");
	const struct config_nic *nics = c->guests[0].nics;

	assert_int_equal(nics[0].kind, NIC_BRIDGE);
	assert_string_equal(nics[0].bridge, "lan");
	assert_string_equal(nics[0].tap, "");
	assert_int_equal(nics[1].kind, NIC_TAP);
	assert_string_equal(nics[1].tap, "t0");
	assert_int_equal(nics[1].model, NIC_MODEL_E1000);
	assert_int_equal(nics[2].kind, NIC_VHOST_USER);
	assert_string_equal(nics[2].path, "/o");
	assert_int_equal(nics[2].mode, VHOST_MODE_CLIENT);
	config_free(c);
}

static void idle_can_be_never(void **state)
{
	struct config *c = config_of("version: 1\nswitch: {idle: never}\n");

	assert_false(c->sw.idle_auto);
	assert_true(c->sw.idle_ns == UINT64_MAX);
	config_free(c);
}

static void objects_know_where_they_are_written(void **state)
{
	struct config *c = config_of("version: 1\n"
				     "switch: {workers: 1}\n"
				     "bridges:\n"
				     "  lan: {address: 10.0.0.1/24}\n"
				     "guests:\n"
				     "  a: {nics: [{bridge: lan}]}\n");

	assert_int_equal(c->sw.pos.line, 2);
	assert_int_equal(c->bridges[0].pos.line, 4);
	assert_int_equal(c->bridges[0].pos.col, 3);
	assert_int_equal(c->bridges[0].address_pos.col, 18);
	assert_int_equal(c->guests[0].nics[0].pos.col, 14);
	assert_int_equal(c->guests[0].nics[0].bridge_pos.col, 23);
	config_free(c);
}

static void objects_are_found_by_name(void **state)
{
	struct config *c = config_of("version: 1\nbridges: {lan: {}}\nports: {p: {bridge: lan}}\n"
				     "guests: {a: {}}\n");

	assert_ptr_equal(config_bridge_lookup(c, "lan"), &c->bridges[0]);
	assert_ptr_equal(config_port_lookup(c, "p"), &c->ports[0]);
	assert_ptr_equal(config_guest_lookup(c, "a"), &c->guests[0]);
	assert_null(config_bridge_lookup(c, "p"));
	assert_null(config_port_lookup(c, "a"));
	assert_null(config_guest_lookup(c, "lan"));
	config_free(c);
}

static void a_file_is_loaded_with_its_name(void **state)
{
	char path[] = "/tmp/weft-config-XXXXXX";
	static const char text[] = "version: 1\nbridges: {lan: {}}\n";
	struct config_errors errs;
	int fd = mkstemp(path);
	struct config *c;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);

	c = config_load(path, true, &errs);

	unlink(path);
	assert_non_null(c);
	assert_string_equal(c->file, path);
	assert_int_equal(c->n_bridges, 1);
	config_free(c);
}

static void a_file_that_cannot_be_read_is_one_error(void **state)
{
	struct config_errors errs;

	assert_null(config_load("/nonexistent/weft.yaml", true, &errs));

	assert_int_equal(errs.n_errors, 1);
	assert_string_equal(errs.list[0].text, "cannot be read: No such file or directory");
	assert_null(config_load("/", true, &errs));
	assert_string_equal(errs.list[0].text, "cannot be read: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_a_switch_with_no_bridges),
		cmocka_unit_test(what_is_not_written_has_its_default),
		cmocka_unit_test(what_is_written_arrives),
		cmocka_unit_test(a_nic_has_the_kind_of_what_it_is_connected_to),
		cmocka_unit_test(idle_can_be_never),
		cmocka_unit_test(objects_know_where_they_are_written),
		cmocka_unit_test(objects_are_found_by_name),
		cmocka_unit_test(a_file_is_loaded_with_its_name),
		cmocka_unit_test(a_file_that_cannot_be_read_is_one_error),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
