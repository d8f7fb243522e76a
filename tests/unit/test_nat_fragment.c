/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Fragments: RFC 4787 REQ-14, and what floods of them may not do. */

#include "tests/lib/natworld.h"

#include <stdio.h>
#include <string.h>

#include "nat/fragment.h"

#define DATAGRAM 2000
#define L3	 14

/* Piece `i` of three of a datagram with identification `id`. */
static void piece(struct natworld *w, const char *src, const char *dst, uint16_t id, int i)
{
	static const unsigned at[] = {0, 800, 1600};

	udp_sized(w, src, dst, DATAGRAM - 8);
	fragment(w, id, at[i], i == 2 ? DATAGRAM - 1600 : 800, i != 2);
}

static void rfc4787_req14_fragments_in_order_are_translated(void **state)
{
	struct natworld *w = *state;

	for (int i = 0; i < 3; i++) {
		piece(w, A ":5000", REMOTE ":53", 7, i);
		goes_out(w, X ":5000", REMOTE ":53");
	}
	for (int i = 0; i < 3; i++) {
		piece(w, REMOTE ":53", X ":5000", 9, i);
		comes_in(w, REMOTE ":53", A ":5000");
	}
}

/* The checksum of the whole is in the first fragment: put together, it fits. */
static void rfc4787_req14_the_datagram_is_whole_behind_the_translator(void **state)
{
	struct natworld *w = *state;
	uint8_t whole[14 + 20 + DATAGRAM];
	unsigned at = 14 + 20;

	for (int i = 0; i < 3; i++) {
		piece(w, A ":5000", REMOTE ":53", 7, i);
		goes_out(w, X ":5000", REMOTE ":53");
		memcpy(whole + at, w->bytes + 34, w->len - 34);
		at += w->len - 34;
	}
	memcpy(whole, w->bytes, 34);
	memcpy(w->bytes, whole, at);
	w->len = at;
	w->bytes[16] = (20 + DATAGRAM) >> 8;
	w->bytes[17] = (20 + DATAGRAM) & 0xff;
	w->bytes[20] = w->bytes[21] = 0;
	ip_sum(w);

	expect(w, X ":5000", REMOTE ":53");
}

static void takes(struct natworld *w)
{
	assert_false(out(w));
	assert_int_equal(w->why, DROP_NONE);
	assert_null(w->session);
}

/* Puts a frame that was given back in hand. */
static void take_back(struct natworld *w, const struct frame *f)
{
	memcpy(w->bytes, f->head, f->head_len);
	if (f->n_segs)
		memcpy(w->bytes + f->head_len, f->segs[0].p, f->segs[0].len);
	w->len = f->len;
}

static void rfc4787_req14_fragments_before_the_first_are_held(void **state)
{
	struct natworld *w = *state;
	struct frame frames[8];
	uint32_t cookies[8];
	uint8_t sent[DATAGRAM];

	piece(w, A ":5000", REMOTE ":53", 7, 2);
	memcpy(sent, w->bytes + 34, 400);
	takes(w);
	piece(w, A ":5000", REMOTE ":53", 7, 1);
	takes(w);
	assert_int_equal(nat_fragments_release(w->nat, 0, frames, cookies, 8), 0);
	piece(w, A ":5000", REMOTE ":53", 7, 0);
	goes_out(w, X ":5000", REMOTE ":53");

	assert_int_equal(nat_fragments_release(w->nat, 0, frames, cookies, 8), 2);
	assert_int_equal(cookies[0], 77);
	take_back(w, &frames[0]);
	goes_out(w, X ":5000", REMOTE ":53");
	assert_memory_equal(w->bytes + 34, sent, 400);
	take_back(w, &frames[1]);
	goes_out(w, X ":5000", REMOTE ":53");
	assert_int_equal(nat_fragments_release(w->nat, 0, frames, cookies, 8), 0);
}

static void rfc4787_req14_inbound_fragments_are_held_as_well(void **state)
{
	struct natworld *w = *state;
	struct frame frames[8];
	uint32_t cookies[8];

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	piece(w, REMOTE ":53", X ":5000", 7, 1);
	assert_false(in(w));
	assert_int_equal(w->why, DROP_NONE);
	piece(w, REMOTE ":53", X ":5000", 7, 0);
	comes_in(w, REMOTE ":53", A ":5000");

	assert_int_equal(nat_fragments_release(w->nat, 0, frames, cookies, 8), 1);
	take_back(w, &frames[0]);
	comes_in(w, REMOTE ":53", A ":5000");
}

static void rfc4787_req14_fragments_of_a_hairpin_are_translated(void **state)
{
	struct natworld *w = *state;

	udp(w, B ":6000", REMOTE ":53");
	goes_out(w, X ":6000", REMOTE ":53");
	for (int i = 0; i < 3; i++) {
		piece(w, A ":5000", X ":6000", 7, i);
		goes_out(w, X ":5000", B ":6000");
	}
}

static void rfc4787_req14_a_fragment_is_held_for_two_seconds(void **state)
{
	struct natworld *w = *state;
	struct frame frames[8];
	uint32_t cookies[8];
	struct nat_counters c;

	piece(w, A ":5000", REMOTE ":53", 7, 1);
	takes(w);
	wait_s(w, 3);
	piece(w, A ":5000", REMOTE ":53", 7, 0);
	goes_out(w, X ":5000", REMOTE ":53");

	assert_int_equal(nat_fragments_release(w->nat, 0, frames, cookies, 8), 0);
	nat_counters_get(w->nat, &c);
	assert_int_equal(c.fragments_held, 1);
	assert_int_equal(c.fragments_expired, 1);
}

static void rfc4787_req14a_one_senders_flood_leaves_room_for_others(void **state)
{
	struct natworld *w = *state;
	struct frame frames[8];
	uint32_t cookies[8];
	unsigned taken = 0;

	for (uint16_t id = 0; id < 1000; id++) {
		piece(w, A ":5000", REMOTE ":53", id, 1);
		assert_false(out(w));
		taken += w->why == DROP_NONE;
	}
	assert_int_equal(taken, FRAGMENT_SHARE_MAX);
	assert_int_equal(w->why, DROP_NAT_FRAGMENTS);

	piece(w, B ":5000", REMOTE ":53", 7, 1);
	takes(w);
	piece(w, B ":5000", REMOTE ":53", 7, 0);
	goes_out(w, X ":5000", REMOTE ":53");
	assert_int_equal(nat_fragments_release(w->nat, 0, frames, cookies, 8), 1);
}

static void rfc4787_req14a_a_flood_from_many_hurts_no_whole_packet(void **state)
{
	struct natworld *w = *state;
	unsigned taken = 0;

	for (unsigned host = 1; host < 200; host++) {
		char src[32];

		snprintf(src, sizeof(src), "10.10.0.%u:1", host);
		piece(w, src, REMOTE ":53", 3, 1);
		assert_false(out(w));
		taken += w->why == DROP_NONE;
	}
	assert_int_equal(taken, FRAGMENT_HELD_MAX);

	udp(w, A ":5000", REMOTE ":53");
	goes_out(w, X ":5000", REMOTE ":53");
	udp(w, REMOTE ":53", X ":5000");
	comes_in(w, REMOTE ":53", A ":5000");
}

/* RFC 3128: a second fragment at eight bytes would overwrite the flags of TCP. */
static void a_fragment_over_the_tcp_header_is_dropped(void **state)
{
	struct natworld *w = *state;

	tcp(w, A ":5000", REMOTE ":80", SYN);
	fragment(w, 7, 8, 15, false);
	is_refused_out(w, DROP_NAT_FRAGMENT_BAD);
}

static void a_first_fragment_without_its_transport_header_is_dropped(void **state)
{
	struct natworld *w = *state;

	tcp(w, A ":5000", REMOTE ":80", SYN);
	fragment(w, 7, 0, 16, true);
	is_refused_out(w, DROP_IP_HEADER);
}

static void fragments_whose_session_has_ended_are_dropped(void **state)
{
	struct natworld *w = *state;
	const struct nat_flush all = {0};

	piece(w, A ":5000", REMOTE ":53", 7, 0);
	goes_out(w, X ":5000", REMOTE ":53");
	assert_int_equal(nat_flush(w->nat, &all), 1);
	piece(w, A ":5000", REMOTE ":53", 7, 1);
	is_refused_out(w, DROP_NAT_FRAGMENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(rfc4787_req14_fragments_in_order_are_translated),
		nat_test(rfc4787_req14_the_datagram_is_whole_behind_the_translator),
		nat_test(rfc4787_req14_fragments_before_the_first_are_held),
		nat_test(rfc4787_req14_inbound_fragments_are_held_as_well),
		nat_test(rfc4787_req14_fragments_of_a_hairpin_are_translated),
		nat_test(rfc4787_req14_a_fragment_is_held_for_two_seconds),
		nat_test(rfc4787_req14a_one_senders_flood_leaves_room_for_others),
		nat_test(rfc4787_req14a_a_flood_from_many_hurts_no_whole_packet),
		nat_test(a_fragment_over_the_tcp_header_is_dropped),
		nat_test(a_first_fragment_without_its_transport_header_is_dropped),
		nat_test(fragments_whose_session_has_ended_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
