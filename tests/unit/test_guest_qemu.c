/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/qemu.h"

static struct config_nic nics[4];
static struct config_disk disk = {.path = "/srv/a,b.qcow2", .format = "qcow2", .readonly = true};
static struct config_guest guest;
static struct qemu_env env;
static struct qemu_args args;
static struct err e;

static struct config_nic nic(enum nic_kind kind, uint8_t last)
{
	return (struct config_nic){
		.kind = kind,
		.bridge = "lan",
		.tap = "tap0",
		.path = "/run/ovs/vm.sock",
		.mac = {{2, 0, 0, 0, 0, last}},
		.has_address = true,
		.address = {.addr = 0x0a0a0000u + last, .len = 24},
		.mtu = 1500,
		.offloads = {.tso = true, .csum = true},
	};
}

static int fresh(void **state)
{
	nics[0] = nic(NIC_BRIDGE, 5);
	guest = (struct config_guest){
		.name = "alpha",
		.kernel = "auto",
		.initrd = "auto",
		.append = "",
		.vcpus = 1,
		.memory_bytes = 512ull << 20,
		.nics = nics,
		.n_nics = 1,
	};
	env = (struct qemu_env){
		.qemu = "qemu-system-x86_64",
		.run_dir = "/run/weft",
		.kernel = "/image/vmlinux",
		.initrd = "/image/initrd.img",
		.hosts = "alpha:10.10.0.5,beta:10.10.0.6",
	};
	return 0;
}

static int clean(void **state)
{
	qemu_args_fini(&args);
	return 0;
}

static void build(void)
{
	assert_int_equal(qemu_args_init(&args, &guest, &env, &e), 0);
}

/* Counts the options that are exactly `option value`. */
static unsigned count(const char *option, const char *value)
{
	unsigned n = 0;

	for (unsigned i = 0; i + 1 < args.n; i++)
		n += strcmp(args.v[i], option) == 0 && strcmp(args.v[i + 1], value) == 0;
	return n;
}

static const char *value_with(const char *part)
{
	for (unsigned i = 0; i < args.n; i++)
		if (strstr(args.v[i], part))
			return args.v[i];
	return "";
}

static void the_whole_command_line_of_the_usual_guest(void **state)
{
	static const char *const golden[] = {
		"qemu-system-x86_64",
		"-name",
		"guest=alpha,debug-threads=on",
		"-nodefaults",
		"-no-user-config",
		"-no-reboot",
		"-display",
		"none",
		"-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-machine",
		"q35,smm=off,vmport=off,memory-backend=memory",
		"-accel",
		"tcg",
		"-cpu",
		"max,-erms",
		"-smp",
		"1",
		"-m",
		"512M",
		"-object",
		"memory-backend-memfd,id=memory,size=512M,share=on",
		"-chardev",
		"socket,id=chr0,path=/run/weft/alpha.0.sock,server=on,wait=off",
		"-netdev",
		"vhost-user,id=net0,chardev=chr0",
		"-device",
		"virtio-net-pci,id=nic0,netdev=net0,mac=02:00:00:00:00:05,disable-legacy=on,"
		"romfile=,rx_queue_size=1024,tx_queue_size=1024,vectors=0"
		",ctrl_guest_offloads=off",
		"-chardev",
		"socket,id=monitor,path=/run/weft/guests/alpha/qmp.sock,server=on,wait=off",
		"-mon",
		"chardev=monitor,mode=control",
		"-chardev",
		"socket,id=console,path=/run/weft/guests/alpha/console.sock,server=on,wait=off,"
		"logfile=/run/weft/guests/alpha/console.log,logappend=off",
		"-serial",
		"chardev:console",
		"-chardev",
		"socket,id=agent,path=/run/weft/guests/alpha/agent.sock,server=on,wait=off",
		"-device",
		"virtio-serial-pci,disable-legacy=on,max_ports=2",
		"-device",
		"virtserialport,id=agent-port,chardev=agent,name=weft.agent",
		"-device",
		"virtio-rng-pci,disable-legacy=on",
		"-kernel",
		"/image/vmlinux",
		"-initrd",
		"/image/initrd.img",
		"-append",
		"console=ttyS0 panic=-1 oops=panic quiet loglevel=4 tsc=reliable weft.name=alpha "
		"weft.nic=02:00:00:00:00:05,10.10.0.5/24,1500 "
		"weft.hosts=alpha:10.10.0.5,beta:10.10.0.6",
	};

	build();

	for (unsigned i = 0; i < ARRAY_SIZE(golden) && i < args.n; i++)
		assert_string_equal(args.v[i], golden[i]);
	assert_int_equal(args.n, ARRAY_SIZE(golden));
	assert_null(args.v[args.n]);
}

static void kvm_and_huge_pages_are_asked_for_when_decided(void **state)
{
	env.kvm = env.hugepages = true;

	build();

	assert_int_equal(count("-accel", "kvm"), 1);
	assert_int_equal(count("-cpu", "host"), 1);
	assert_null(strstr(value_with("id=nic0"), "vectors="));
	assert_non_null(strstr(value_with("memfd"), ",hugetlb=on,hugetlbsize=2M,prealloc=on"));
}

static void a_nic_of_several_pairs_says_so_on_both_sides(void **state)
{
	nics[0].queues = 4;
	build();
	assert_int_equal(count("-netdev", "vhost-user,id=net0,chardev=chr0,queues=4"), 1);
	assert_non_null(strstr(value_with("id=nic0"), ",mq=on,vectors=0"));
	qemu_args_fini(&args);

	env.kvm = true;
	build();
	assert_non_null(strstr(value_with("id=nic0"), ",mq=on,vectors=10"));
}

static void offloads_that_are_off_are_off_in_the_device(void **state)
{
	nics[0].offloads.tso = false;
	build();
	assert_non_null(strstr(value_with("id=nic0"), "host_tso4=off"));
	assert_null(strstr(value_with("id=nic0"), ",csum=off"));
	qemu_args_fini(&args);

	nics[0].offloads.csum = false;
	build();
	assert_non_null(strstr(value_with("id=nic0"), ",csum=off,guest_csum=off,host_tso4=off"));
}

static void a_tap_nic_has_the_model_that_is_asked_for(void **state)
{
	nics[0] = nic(NIC_TAP, 1);
	nics[1] = nic(NIC_TAP, 2);
	nics[1].model = NIC_MODEL_E1000;
	guest.n_nics = 2;

	build();

	assert_int_equal(count("-netdev", "tap,id=net0,ifname=tap0,script=no,downscript=no,"
					  "vhost=off"),
			 1);
	assert_null(strstr(value_with("id=nic0"), "tx_queue_size"));
	assert_int_equal(
		count("-device", "e1000,id=nic1,netdev=net1,mac=02:00:00:00:00:02,romfile="), 1);
}

static void a_strange_switch_is_connected_to_or_waited_for(void **state)
{
	nics[0] = nic(NIC_VHOST_USER, 1);
	nics[0].mode = VHOST_MODE_SERVER;
	nics[1] = nic(NIC_VHOST_USER, 2);
	nics[1].mode = VHOST_MODE_CLIENT;
	guest.n_nics = 2;

	build();

	assert_int_equal(count("-chardev", "socket,id=chr0,path=/run/ovs/vm.sock,reconnect=1"), 1);
	assert_int_equal(
		count("-chardev", "socket,id=chr1,path=/run/ovs/vm.sock,server=on,wait=off"), 1);
}

static void an_emulated_model_on_a_bridge_is_refused(void **state)
{
	nics[0].model = NIC_MODEL_E1000;

	assert_int_equal(qemu_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_string_equal(e.text,
			    "guest alpha: nic 0: model e1000 needs a tap; use model virtio here");
	assert_int_equal(args.n, 0);
}

static void commas_in_paths_are_doubled(void **state)
{
	guest.disks = &disk;
	guest.n_disks = 1;
	guest.kernel = guest.initrd = "none";
	env.kernel = env.initrd = NULL;

	build();

	assert_int_equal(count("-drive", "if=none,id=disk0,file=/srv/a,,b.qcow2,format=qcow2,"
					 "readonly=on"),
			 1);
	assert_string_equal(value_with("console=ttyS0"), "");
}

static void a_foreign_initrd_gets_no_arguments_of_ours(void **state)
{
	guest.initrd = env.initrd = "/boot/initrd";
	guest.append = "root=/dev/vda1";

	build();

	assert_int_equal(count("-append", "console=ttyS0 panic=-1 oops=panic root=/dev/vda1"), 1);
}

static void neighbours_that_do_not_fit_are_left_out_whole(void **state)
{
	char append[1950], hosts[4096] = "";
	const char *line;

	memset(append, 'x', sizeof(append) - 1);
	append[sizeof(append) - 1] = '\0';
	guest.append = append;
	guest.n_nics = 0;
	snprintf(hosts, sizeof(hosts), "a:10.0.0.1,%0200d:10.0.0.2", 1);
	env.hosts = hosts;

	build();

	line = args.v[args.n - 1];
	assert_true(strlen(line) <= 2047);
	assert_null(strstr(line, "10.0.0.2"));
}

static void an_append_that_does_not_fit_is_an_error(void **state)
{
	char append[2048];

	memset(append, 'x', sizeof(append) - 1);
	append[sizeof(append) - 1] = '\0';
	guest.append = append;

	assert_int_equal(qemu_args_init(&args, &guest, &env, &e), -E2BIG);
	assert_non_null(strstr(e.text, "shorten append"));
}

static void a_run_dir_that_is_too_long_for_sockets_is_an_error(void **state)
{
	env.run_dir = "/run/a-very-long-folder-name/another-very-long-folder-name/"
		      "and-one-more-to-be-beyond-the-limit";

	assert_int_equal(qemu_args_init(&args, &guest, &env, &e), -ENAMETOOLONG);
	assert_non_null(strstr(e.text, "shorter run-dir"));
}

static void a_balloon_reports_free_pages_and_gives_way(void **state)
{
	guest.balloon = true;
	build();

	assert_int_equal(count("-device", "virtio-balloon-pci,disable-legacy=on,deflate-on-oom=on,"
					  "free-page-reporting=on"),
			 1);
}

static void the_hash_tells_command_lines_apart(void **state)
{
	uint64_t before;

	build();
	before = qemu_args_hash(&args);
	qemu_args_fini(&args);
	guest.vcpus = 2;
	build();

	assert_true(qemu_args_hash(&args) != before);
}

static void memory_is_private_or_near_a_node_when_asked_for(void **state)
{
	guest.ksm = true;
	guest.has_numa = true;
	guest.numa = 1;
	build();

	assert_int_equal(count("-object", "memory-backend-ram,id=memory,size=512M,merge=on,"
					  "host-nodes=1,policy=preferred"),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory_is_private_or_near_a_node_when_asked_for,
						fresh, clean),
		cmocka_unit_test_setup_teardown(the_whole_command_line_of_the_usual_guest, fresh,
						clean),
		cmocka_unit_test_setup_teardown(kvm_and_huge_pages_are_asked_for_when_decided,
						fresh, clean),
		cmocka_unit_test_setup_teardown(a_nic_of_several_pairs_says_so_on_both_sides, fresh,
						clean),
		cmocka_unit_test_setup_teardown(offloads_that_are_off_are_off_in_the_device, fresh,
						clean),
		cmocka_unit_test_setup_teardown(a_tap_nic_has_the_model_that_is_asked_for, fresh,
						clean),
		cmocka_unit_test_setup_teardown(a_strange_switch_is_connected_to_or_waited_for,
						fresh, clean),
		cmocka_unit_test_setup_teardown(an_emulated_model_on_a_bridge_is_refused, fresh,
						clean),
		cmocka_unit_test_setup_teardown(commas_in_paths_are_doubled, fresh, clean),
		cmocka_unit_test_setup_teardown(a_foreign_initrd_gets_no_arguments_of_ours, fresh,
						clean),
		cmocka_unit_test_setup_teardown(neighbours_that_do_not_fit_are_left_out_whole,
						fresh, clean),
		cmocka_unit_test_setup_teardown(an_append_that_does_not_fit_is_an_error, fresh,
						clean),
		cmocka_unit_test_setup_teardown(a_run_dir_that_is_too_long_for_sockets_is_an_error,
						fresh, clean),
		cmocka_unit_test_setup_teardown(a_balloon_reports_free_pages_and_gives_way, fresh,
						clean),
		cmocka_unit_test_setup_teardown(the_hash_tells_command_lines_apart, fresh, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
