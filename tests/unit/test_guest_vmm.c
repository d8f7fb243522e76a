/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The command line of a guest with engine: weft. */

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "daemon/vmm_engine.h"

static struct config_nic nics[1];
static struct config_disk disk;
static struct config_guest guest;
static struct qemu_env env;
static struct qemu_args args;
static struct err e;

static int fresh(void **state)
{
	nics[0] = (struct config_nic){
		.kind = NIC_BRIDGE,
		.bridge = "lan",
		.mac = {{2, 0, 0, 0, 0, 5}},
		.has_address = true,
		.address = {.addr = 0x0a0a0005, .len = 24},
		.mtu = 1500,
		.queues = 1,
		.offloads = {.tso = true, .csum = true},
	};
	disk = (struct config_disk){.path = "/srv/disk.img", .format = "raw", .readonly = true};
	guest = (struct config_guest){
		.name = "alpha",
		.kernel = "auto",
		.initrd = "auto",
		.append = "",
		.vcpus = 2,
		.memory_bytes = 512ull << 20,
		.nics = nics,
		.n_nics = 1,
	};
	env = (struct qemu_env){
		.qemu = "/usr/bin/weft-vmm",
		.run_dir = "/run/weft",
		.kernel = "/image/vmlinux",
		.initrd = "/image/initrd.img",
		.hosts = "",
		.kvm = true,
	};
	return 0;
}

static int clean(void **state)
{
	qemu_args_fini(&args);
	return 0;
}

static bool has(const char *option, const char *value)
{
	for (unsigned i = 0; i + 1 < args.n; i++)
		if (strcmp(args.v[i], option) == 0 && strcmp(args.v[i + 1], value) == 0)
			return true;
	return false;
}

static void a_bridge_nic_is_a_socket_that_weftd_connects_to(void **state)
{
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), 0);

	assert_true(has("--net", "vhost-user:/run/weft/alpha.0.sock,id=nic0,mac=02:00:00:00:00:05,"
				 "queues=1,server"));
	assert_true(has("--port", "weft.agent,unix:/run/weft/guests/alpha/agent.sock"));
	assert_true(has("--console", "unix:/run/weft/guests/alpha/console.sock,"
				     "log=/run/weft/guests/alpha/console.log"));
	assert_true(has("--api", "/run/weft/guests/alpha/qmp.sock"));
	assert_true(has("--kernel", "/image/vmlinux"));
}

static void offloads_and_mtu_of_a_nic_are_passed_on(void **state)
{
	nics[0].offloads.tso = false;
	nics[0].mtu = 9000;

	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), 0);

	assert_true(has("--net", "vhost-user:/run/weft/alpha.0.sock,id=nic0,mac=02:00:00:00:00:05,"
				 "queues=1,notso,server,mtu=9000"));
}

static void a_balloon_is_there_when_asked_for(void **state)
{
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), 0);
	for (unsigned i = 0; i < args.n; i++)
		assert_string_not_equal(args.v[i], "--balloon");
	qemu_args_fini(&args);

	guest.balloon = true;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), 0);
	assert_true(has("--balloon", "--kernel"));
}

static void a_raw_disk_is_taken_and_a_qcow2_one_refused(void **state)
{
	guest.disks = &disk;
	guest.n_disks = 1;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), 0);
	assert_true(has("--disk", "/srv/disk.img,ro"));
	qemu_args_fini(&args);

	disk.format = "qcow2";
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "engine: qemu"));
}

static void what_needs_qemu_says_so(void **state)
{
	nics[0].model = NIC_MODEL_E1000;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "virtio only"));

	fresh(NULL);
	env.kernel = NULL;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "no firmware"));

	fresh(NULL);
	env.run_dir = "/run/a,b";
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "comma"));

	fresh(NULL);
	nics[0].kind = NIC_TAP;
	nics[0].tap = "tap0";
	nics[0].queues = 2;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "one queue pair"));

	fresh(NULL);
	guest.vcpus = 65;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), -EINVAL);
	assert_non_null(strstr(e.text, "64 CPUs"));
}

static void auto_is_weft_where_it_has_kvm_and_lacks_nothing(void **state)
{
	const char *reason;

	assert_true(vmm_decide(ENGINE_AUTO, true, NULL, &reason));
	assert_string_equal(reason, "weft-vmm has all that the guest asks for");
	assert_false(vmm_decide(ENGINE_AUTO, false, NULL, &reason));
	assert_string_equal(reason, "no usable KVM");
	assert_false(vmm_decide(ENGINE_AUTO, true, "qcow2", &reason));
	assert_string_equal(reason, "qcow2");
}

static void a_configured_engine_is_not_decided_upon(void **state)
{
	const char *reason;

	assert_true(vmm_decide(ENGINE_WEFT, false, "qcow2", &reason));
	assert_string_equal(reason, "configured");
	assert_false(vmm_decide(ENGINE_QEMU, true, NULL, &reason));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)

static void memory_is_private_or_near_a_node_when_asked_for(void **state)
{
	guest.ksm = true;
	guest.has_numa = true;
	guest.numa = 1;
	assert_int_equal(vmm_args_init(&args, &guest, &env, &e), 0);

	assert_true(has("--ksm", "--numa=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory_is_private_or_near_a_node_when_asked_for,
						fresh, clean),
		cmocka_unit_test_setup_teardown(a_balloon_is_there_when_asked_for, fresh, clean),
		TEST(a_bridge_nic_is_a_socket_that_weftd_connects_to),
		TEST(offloads_and_mtu_of_a_nic_are_passed_on),
		TEST(a_raw_disk_is_taken_and_a_qcow2_one_refused),
		TEST(what_needs_qemu_says_so),
		TEST(auto_is_weft_where_it_has_kvm_and_lacks_nothing),
		TEST(a_configured_engine_is_not_decided_upon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
