/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a port offers by its config, and what was negotiated means for frames. */

#include "tests/lib/test.h"

#include <linux/virtio_config.h>

#include "common/virtio_net.h"
#include "vhost/features.h"

#define BIT(n) (1ull << (n))

static const uint64_t csum_bits = BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM);
static const uint64_t tso_bits = BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
				 BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
				 BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN);
static const uint64_t uso_bits =
	BIT(VIRTIO_NET_F_HOST_USO) | BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6);

static uint64_t offload_bits(bool tso, bool uso, bool csum)
{
	return vhost_features_offered(tso, uso, csum) & (csum_bits | tso_bits | uso_bits);
}

static void each_offload_is_offered_by_its_key(void **state)
{
	assert_int_equal(offload_bits(true, true, true), csum_bits | tso_bits | uso_bits);
	assert_int_equal(offload_bits(true, false, true), csum_bits | tso_bits);
	assert_int_equal(offload_bits(false, true, true), csum_bits | uso_bits);
	assert_int_equal(offload_bits(false, false, true), csum_bits);
}

static void segmentation_is_not_offered_without_checksums(void **state)
{
	assert_int_equal(offload_bits(true, true, false), 0);
}

static void ufo_and_offload_control_are_never_offered(void **state)
{
	assert_int_equal(vhost_features_offered(true, true, true) &
				 (BIT(VIRTIO_NET_F_HOST_UFO) | BIT(VIRTIO_NET_F_GUEST_UFO) |
				  BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS)),
			 0);
}

static void a_guest_without_checksums_is_given_no_large_frames(void **state)
{
	struct offloads takes = vhost_features_takes(tso_bits | uso_bits);

	assert_false(takes.csum || takes.tso4 || takes.tso6 || takes.ecn || takes.uso4 ||
		     takes.uso6);
}

static void each_type_of_frame_needs_its_own_bit(void **state)
{
	static const struct {
		struct vnet vnet;
		unsigned bit;
	} needs[] = {
		{{.flags = VNET_NEEDS_CSUM}, VIRTIO_NET_F_CSUM},
		{{.gso_type = VNET_GSO_TCPV4}, VIRTIO_NET_F_HOST_TSO4},
		{{.gso_type = VNET_GSO_TCPV6}, VIRTIO_NET_F_HOST_TSO6},
		{{.gso_type = VNET_GSO_ECN}, VIRTIO_NET_F_HOST_ECN},
		{{.gso_type = VNET_GSO_UDP_L4}, VIRTIO_NET_F_HOST_USO},
		{{.gso_type = VIRTIO_NET_HDR_GSO_UDP}, VIRTIO_NET_F_HOST_UFO},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		assert_int_equal(vhost_features_check(BIT(needs[i].bit), &needs[i].vnet),
				 DROP_NONE);
		assert_int_equal(vhost_features_check(~BIT(needs[i].bit), &needs[i].vnet),
				 DROP_NOT_NEGOTIATED);
	}
}

static void every_offered_bit_has_a_name(void **state)
{
	uint64_t offered = vhost_features_offered(true, true, true);

	for (unsigned bit = 0; bit < 64; bit++)
		if (vhost_has(offered, bit))
			assert_non_null(vhost_feature_name(bit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_offload_is_offered_by_its_key),
		cmocka_unit_test(segmentation_is_not_offered_without_checksums),
		cmocka_unit_test(ufo_and_offload_control_are_never_offered),
		cmocka_unit_test(a_guest_without_checksums_is_given_no_large_frames),
		cmocka_unit_test(each_type_of_frame_needs_its_own_bit),
		cmocka_unit_test(every_offered_bit_has_a_name),
	};

	return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
