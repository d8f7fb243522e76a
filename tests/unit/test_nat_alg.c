/* SPDX-License-Identifier: GPL-2.0-or-later */

/* FTP and TFTP, where a bridge asks for them. */

#include "tests/lib/natworld.h"

#include <stdio.h>
#include <string.h>

#define CLIENT A ":5000"
#define MAPPED X ":5000"
#define SERVER REMOTE ":21"

static void with_algs(struct natworld *w, unsigned algs)
{
	w->inside.algs = algs;
	w->inside.filtering[NAT_TCP] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	w->inside.filtering[NAT_UDP] = NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT;
	reconfigure(w);
}

static void connect_client(struct natworld *w)
{
	tcp(w, CLIENT, SERVER, SYN);
	goes_out(w, MAPPED, SERVER);
	tcp(w, SERVER, MAPPED, SYN | ACK);
	comes_in(w, SERVER, CLIENT);
}

static void says(struct natworld *w, uint32_t seq, const char *line, const char *becomes)
{
	tcp_text(w, CLIENT, SERVER, seq, 1, line);
	goes_out(w, MAPPED, SERVER);
	assert_string_equal(text_of(w), becomes);
}

static void ftp_port_is_rewritten_and_its_connection_let_in(void **state)
{
	struct natworld *w = *state;

	with_algs(w, NAT_ALG_FTP);
	connect_client(w);
	says(w, 1000, "PORT 10,10,0,7,23,112\r\n", "PORT 192,0,2,1,23,112\r\n");

	tcp(w, REMOTE ":20", X ":6000", SYN);
	comes_in(w, REMOTE ":20", A ":6000");
	tcp(w, A ":6000", REMOTE ":20", SYN | ACK);
	goes_out(w, X ":6000", REMOTE ":20");
	tcp(w, REMOTE2 ":20", X ":6000", SYN);
	is_refused_in(w, DROP_NAT_FILTERED);
}

static void ftp_port_of_another_guests_is_mapped(void **state)
{
	struct natworld *w = *state;
	unsigned high, low;
	char external[32];

	with_algs(w, NAT_ALG_FTP);
	tcp(w, B ":6000", REMOTE ":80", SYN);
	goes_out(w, X ":6000", REMOTE ":80");
	connect_client(w);
	tcp_text(w, CLIENT, SERVER, 1000, 1, "PORT 10,10,0,7,23,112\r\n");
	goes_out(w, MAPPED, SERVER);

	assert_int_equal(sscanf(text_of(w), "PORT 192,0,2,1,%u,%u\r\n", &high, &low), 2);
	assert_int_not_equal(high * 256 + low, 6000);
	snprintf(external, sizeof(external), X ":%u", high * 256 + low);
	tcp(w, REMOTE ":20", external, SYN);
	comes_in(w, REMOTE ":20", A ":6000");
}

static void ftp_eprt_is_rewritten(void **state)
{
	struct natworld *w = *state;

	with_algs(w, NAT_ALG_FTP);
	connect_client(w);
	says(w, 1000, "eprt |1|10.10.0.7|6000|\r\n", "eprt |1|192.0.2.1|6000|\r\n");
	tcp(w, REMOTE ":20", X ":6000", SYN);
	comes_in(w, REMOTE ":20", A ":6000");
}

static void ftp_numbers_after_a_longer_line_are_moved(void **state)
{
	struct natworld *w = *state;
	const char *line = "PORT 10,10,0,7,23,11\r\n"; /* 22 bytes */

	w->addresses[0] = addr("192.168.200.100");
	with_algs(w, NAT_ALG_FTP);
	tcp(w, CLIENT, SERVER, SYN);
	goes_out(w, "192.168.200.100:5000", SERVER);

	for (int i = 0; i < 2; i++) { /* the second time: lost, and sent again */
		tcp_text(w, CLIENT, SERVER, 1000, 1, line);
		goes_out(w, "192.168.200.100:5000", SERVER);
		assert_string_equal(text_of(w), "PORT 192,168,200,100,23,11\r\n");
		assert_int_equal(seq_of(w), 1000);
	}
	tcp_text(w, CLIENT, SERVER, 1022, 1, "LIST\r\n");
	goes_out(w, "192.168.200.100:5000", SERVER);
	assert_int_equal(seq_of(w), 1028);
	tcp_text(w, SERVER, "192.168.200.100:5000", 1, 1034, "200 ok\r\n");
	comes_in(w, SERVER, CLIENT);
	assert_int_equal(ack_of(w), 1028);
	tcp_text(w, SERVER, "192.168.200.100:5000", 1, 1000, "200 ok\r\n");
	comes_in(w, SERVER, CLIENT);
	assert_int_equal(ack_of(w), 1000);
	tcp_text(w, CLIENT, SERVER, 1028, 1, "PORT 10,10,0,7,23,12\r\n");
	goes_out(w, "192.168.200.100:5000", SERVER);
	assert_int_equal(seq_of(w), 1034);
	tcp_text(w, CLIENT, SERVER, 1050, 1, "QUIT\r\n");
	goes_out(w, "192.168.200.100:5000", SERVER);
	assert_int_equal(seq_of(w), 1062);
}

static void ftp_passive_replies_of_a_server_inside_are_rewritten(void **state)
{
	struct natworld *w = *state;

	with_algs(w, NAT_ALG_FTP);
	forward(w, NAT_TCP, 21, 0, A ":21");
	tcp(w, REMOTE ":999", X ":21", SYN);
	comes_in(w, REMOTE ":999", A ":21");

	tcp_text(w, A ":21", REMOTE ":999", 500, 1,
		 "227 Entering Passive Mode (10,10,0,7,23,112).\r\n");
	goes_out(w, X ":21", REMOTE ":999");
	assert_string_equal(text_of(w), "227 Entering Passive Mode (192,0,2,1,23,112).\r\n");
	tcp(w, REMOTE ":1000", X ":6000", SYN);
	comes_in(w, REMOTE ":1000", A ":6000");
	tcp_text(w, A ":21", REMOTE ":999", 600, 1, "229 Extended (|||7000|)\r\n");
	goes_out(w, X ":21", REMOTE ":999");
	assert_string_equal(text_of(w), "229 Extended (|||7000|)\r\n");
	tcp(w, REMOTE ":1001", X ":7000", SYN);
	comes_in(w, REMOTE ":1001", A ":7000");
}

/* Another's address, a privileged port, half a line, more than a line: all pass as they are. */
static void ftp_leaves_alone_what_it_does_not_understand(void **state)
{
	struct natworld *w = *state;
	static const char *const lines[] = {
		"PORT 10,10,0,8,23,112\r\n",	  "PORT 10,10,0,7,0,22\r\n",
		"PORT 10,10,0,7,23,112",	  "PORT 10,10,0,7,23,112,1",
		"PORT 10,10,0,7,23,256\r\n",	  "PORT 10,10,0,7,23\r\n",
		"EPRT |2|10.10.0.7|6000|\r\n",	  "EPRT |1|10.10.0.7|66000|\r\n",
		"PORT 10,10,0,7,23,112 \r\n",	  "PORT \r\n",
		"NOOP PORT 10,10,0,7,23,112\r\n",
	};

	with_algs(w, NAT_ALG_FTP);
	connect_client(w);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		says(w, 1000, lines[i], lines[i]);

	tcp(w, REMOTE ":20", X ":6000", SYN);
	is_refused_in(w, DROP_NAT_NO_MAPPING);
}

static void ftp_expects_a_connection_for_a_minute(void **state)
{
	struct natworld *w = *state;
	struct nat_counters c;

	with_algs(w, NAT_ALG_FTP);
	connect_client(w);
	says(w, 1000, "PORT 10,10,0,7,23,112\r\n", "PORT 192,0,2,1,23,112\r\n");
	wait_s(w, 63);

	tcp(w, REMOTE ":20", X ":6000", SYN);
	is_refused_in(w, DROP_NAT_NO_MAPPING);
	nat_counters_get(w->nat, &c);
	assert_int_equal(c.mappings, 1);
}

static void ftp_is_off_unless_asked_for(void **state)
{
	struct natworld *w = *state;

	connect_client(w);
	says(w, 1000, "PORT 10,10,0,7,23,112\r\n", "PORT 10,10,0,7,23,112\r\n");
}

static void ftp_refuses_sack(void **state)
{
	struct natworld *w = *state;

	with_algs(w, NAT_ALG_FTP);
	tcp_mss(w, CLIENT, SERVER, 1460);
	w->bytes[59] = 4; /* SACK permitted, in the place of two NOPs */
	w->bytes[60] = 2;
	w->bytes[50] = w->bytes[51] = 0;
	icmp_sum(w); /* of whatever the protocol is */
	goes_out(w, MAPPED, SERVER);
	assert_int_equal(w->bytes[59], 1);
	assert_int_equal(w->bytes[60], 1);
}

static void tftp_is_answered_from_another_port(void **state)
{
	struct natworld *w = *state;

	with_algs(w, NAT_ALG_TFTP);
	udp(w, A ":3000", REMOTE ":69");
	goes_out(w, X ":3000", REMOTE ":69");

	udp(w, REMOTE2 ":4000", X ":3000");
	is_refused_in(w, DROP_NAT_FILTERED);
	udp(w, REMOTE ":4000", X ":3000");
	comes_in(w, REMOTE ":4000", A ":3000");
	udp(w, A ":3000", REMOTE ":4000");
	goes_out(w, X ":3000", REMOTE ":4000");
	wait_s(w, 31);
	udp(w, REMOTE ":4001", X ":3000");
	is_refused_in(w, DROP_NAT_FILTERED);
}

static void tftp_is_off_unless_asked_for(void **state)
{
	struct natworld *w = *state;

	with_algs(w, 0);
	udp(w, A ":3000", REMOTE ":69");
	goes_out(w, X ":3000", REMOTE ":69");
	udp(w, REMOTE ":4000", X ":3000");
	is_refused_in(w, DROP_NAT_FILTERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nat_test(ftp_port_is_rewritten_and_its_connection_let_in),
		nat_test(ftp_port_of_another_guests_is_mapped),
		nat_test(ftp_eprt_is_rewritten),
		nat_test(ftp_numbers_after_a_longer_line_are_moved),
		nat_test(ftp_passive_replies_of_a_server_inside_are_rewritten),
		nat_test(ftp_leaves_alone_what_it_does_not_understand),
		nat_test(ftp_expects_a_connection_for_a_minute),
		nat_test(ftp_is_off_unless_asked_for),
		nat_test(ftp_refuses_sack),
		nat_test(tftp_is_answered_from_another_port),
		nat_test(tftp_is_off_unless_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
