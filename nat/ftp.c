/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/ftp.h"

#include "nat/mapping.h"
#include "nat/rewrite.h"

#define FTP_PORT	  21
#define DATA_PORT_MIN	  1024
#define DATA_WAIT_S	  60 /* a data connection begins within that time */
#define TEXT_MAX	  32 /* "255,255,255,255,255,255" and "255.255.255.255|65535" */
#define OPTION_SACK_OK	  4
#define OPTION_SACK_BYTES 2

/* Bytes that all lines up to the one at `place` have become longer, and that one. */
struct shift {
	uint32_t place;
	int32_t total; /* 24 bits */
	int8_t last;
};

static struct shift shift_load(const struct nat_session *s)
{
	uint64_t word = atomic_load_explicit(&s->seq_adjust, memory_order_relaxed);
	int32_t upper = (int32_t)(word >> 32);

	return (struct shift){(uint32_t)word, upper >> 8, (int8_t)upper};
}

static void shift_store(struct nat_session *s, struct shift shift)
{
	uint32_t upper = (uint32_t)shift.total << 8 | (uint8_t)shift.last;

	atomic_store_explicit(&s->seq_adjust, shift.place | (uint64_t)upper << 32,
			      memory_order_relaxed);
}

static bool is_after(uint32_t seq, uint32_t place)
{
	return (int32_t)(seq - place) > 0;
}

static int32_t shift_at(struct shift shift, uint32_t seq)
{
	return is_after(seq, shift.place) ? shift.total : shift.total - shift.last;
}

static struct tcp_hdr *tcp_of(const struct packet *p)
{
	return (void *)(p->frame->head + p->l4);
}

static bool is_partial(const struct packet *p)
{
	return rewrite_is_partial(p->frame, p->l4 + offsetof(struct tcp_hdr, csum));
}

static void add_delta(struct packet *p, uint32_t delta)
{
	if (!is_partial(p))
		tcp_of(p)->csum = rewrite_whole(tcp_of(p)->csum, cksum_fold(delta));
}

static __be32 moved(struct packet *p, __be32 field, int32_t by)
{
	__be32 to = htonl(ntohl(field) + (uint32_t)by);

	add_delta(p, cksum_add32(~field, to));
	return to;
}

/* What a line says, and where it says so. */
struct announcement {
	unsigned from, to; /* in frame.head: what is replaced */
	uint32_t addr;	   /* wire order; 0: not said */
	uint16_t port;
	char separator; /* between numbers: ',' of PORT and 227, else what EPRT uses */
};

struct text {
	const uint8_t *head;
	unsigned at, end;
};

static bool take(struct text *t, char c)
{
	if (t->at >= t->end || t->head[t->at] != (uint8_t)c)
		return false;
	t->at++;
	return true;
}

/* A decimal number up to `max`. */
static bool take_number(struct text *t, uint32_t max, uint32_t *value)
{
	unsigned begin = t->at;

	*value = 0;
	while (t->at < t->end && t->head[t->at] >= '0' && t->head[t->at] <= '9') {
		*value = *value * 10 + (t->head[t->at++] - '0');
		if (*value > max)
			return false;
	}
	return t->at > begin;
}

/* Upper or lower case. */
static bool take_word(struct text *t, const char *word)
{
	for (; *word; word++, t->at++) {
		if (t->at >= t->end || (t->head[t->at] & ~0x20) != (*word & ~0x20))
			return false;
	}
	return true;
}

static bool take_until(struct text *t, char c)
{
	while (t->at < t->end && t->head[t->at] != (uint8_t)c)
		t->at++;
	return take(t, c);
}

static bool take_addr(struct text *t, char separator, uint32_t *addr)
{
	uint32_t byte, host = 0;

	for (int i = 0; i < 4; i++) {
		if ((i && !take(t, separator)) || !take_number(t, 255, &byte))
			return false;
		host = host << 8 | byte;
	}
	*addr = htonl(host);
	return true;
}

/* "h1,h2,h3,h4,p1,p2" */
static bool parse_numbers(struct text *t, struct announcement *a)
{
	uint32_t high, low;

	a->from = t->at;
	a->separator = ',';
	if (!take_addr(t, ',', &a->addr) || !take(t, ',') || !take_number(t, 255, &high) ||
	    !take(t, ',') || !take_number(t, 255, &low))
		return false;
	a->port = (uint16_t)(high << 8 | low);
	a->to = t->at;
	return true;
}

/* "|1|h1.h2.h3.h4|port|" */
static bool parse_eprt(struct text *t, struct announcement *a)
{
	uint32_t port;

	a->separator = t->at < t->end ? (char)t->head[t->at] : 0;
	if (a->separator < '!' || a->separator > '~' || !take(t, a->separator) || !take(t, '1') ||
	    !take(t, a->separator))
		return false;
	a->from = t->at;
	if (!take_addr(t, '.', &a->addr) || !take(t, a->separator) ||
	    !take_number(t, UINT16_MAX, &port))
		return false;
	a->port = (uint16_t)port;
	a->to = t->at;
	return take(t, a->separator);
}

/* "(|||port|)": the address is the connection's. */
static bool parse_229(struct text *t, struct announcement *a)
{
	uint32_t port;

	if (!take_until(t, '(') || !take(t, '|') || !take(t, '|') || !take(t, '|'))
		return false;
	a->from = t->at;
	if (!take_number(t, UINT16_MAX, &port))
		return false;
	a->port = (uint16_t)port;
	a->to = t->at;
	return take(t, '|') && take(t, ')');
}

/* The payload, when it is one whole line and all of the frame is in its head. */
static bool whole_line(const struct packet *p, struct text *t)
{
	const struct frame *f = p->frame;

	t->head = f->head;
	t->at = p->l4 + (tcp_of(p)->data_off >> 4) * 4u;
	t->end = (unsigned)p->l3 + p->len;
	return p->fragment == PACKET_WHOLE && f->len == f->head_len && t->end == f->len &&
	       t->at + 2 <= t->end && t->head[t->end - 1] == '\n';
}

static bool parse_line(const struct packet *p, bool server, struct announcement *a)
{
	struct text line, t;

	*a = (struct announcement){0};
	if (!whole_line(p, &line))
		return false;
	t = line;
	if (server && take_word(&t, "227 "))
		return take_until(&t, '(') && parse_numbers(&t, a) && take(&t, ')');
	t = line;
	if (server)
		return take_word(&t, "229 ") && parse_229(&t, a);
	if (take_word(&t, "PORT "))
		return parse_numbers(&t, a) && (take(&t, '\r') || take(&t, '\n'));
	t = line;
	return take_word(&t, "EPRT ") && parse_eprt(&t, a);
}

static unsigned put_number(char *to, unsigned value)
{
	char digits[5];
	unsigned n = 0, len = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		to[len++] = digits[--n];
	return len;
}

/* In the form of what it replaces. */
static unsigned put_announcement(const struct announcement *a, uint32_t addr, uint16_t port,
				 char *to)
{
	bool numbers = a->separator == ',';
	const uint8_t *byte = (const uint8_t *)&addr;
	unsigned len = 0;

	if (a->addr) {
		for (int i = 0; i < 4; i++) {
			len += put_number(to + len, byte[i]);
			to[len++] = i < 3 && !numbers ? '.' : a->separator;
		}
	}
	if (!a->addr || !numbers)
		return len + put_number(to + len, port);
	len += put_number(to + len, port >> 8);
	to[len++] = ',';
	return len + put_number(to + len, port & 0xff);
}

static void set_len(struct packet *p, unsigned len)
{
	struct ipv4_hdr *ip = (void *)(p->frame->head + p->l3);
	uint16_t total = htons((uint16_t)(len - p->l3));
	uint32_t delta = rewrite_delta16(ip->total_len, total);

	ip->csum = rewrite_whole(ip->csum, cksum_fold(delta));
	ip->total_len = total;
	/* The pseudo header has the length of the segment, which changes by as much. */
	if (is_partial(p))
		tcp_of(p)->csum = rewrite_partial(tcp_of(p)->csum, cksum_fold(delta));
	else
		add_delta(p, delta);
	p->frame->len = p->frame->head_len = (uint16_t)len;
	p->len = (uint16_t)(len - p->l3);
}

/* Replaces a range of the payload. Returns by how much it became longer. */
static int replace(struct packet *p, const struct announcement *a, const char *text, unsigned len)
{
	struct frame *f = p->frame;
	uint8_t *payload = f->head + p->l4;
	unsigned end = f->len, new_end = end - (a->to - a->from) + len;
	uint32_t before = cksum_fold(cksum_add(0, payload, end - p->l4));

	if (new_end > FRAME_HEAD_MAX)
		return 0;
	memmove(f->head + a->from + len, f->head + a->to, end - a->to);
	memcpy(f->head + a->from, text, len);
	add_delta(p,
		  (uint32_t)(uint16_t)~before + cksum_fold(cksum_add(0, payload, new_end - p->l4)));
	set_len(p, new_end);
	return (int)len - (int)(a->to - a->from);
}

/* The external port that the other end of the control connection may connect to; 0: none. */
static uint16_t expect_data(struct nat *n, unsigned worker, const struct nat_session *s,
			    uint16_t port, uint32_t now_s)
{
	const struct mapping_request r = {
		.inside = n->insides[s->inside],
		.outside = n->outsides[s->outside],
		.endpoint = nat_endpoint(s->in_addr, htons(port), NAT_TCP, (uint8_t)s->outside),
		.now_s = now_s};

	return ntohs(mapping_expect(n, worker, &r, s->remote_addr, now_s + DATA_WAIT_S));
}

static int rewrite_line(struct nat *n, unsigned worker, const struct nat_session *s,
			struct packet *p, uint32_t now_s)
{
	struct announcement a;
	char text[TEXT_MAX];
	uint16_t port;

	if (!parse_line(p, s->in_port == htons(FTP_PORT), &a) || a.port < DATA_PORT_MIN ||
	    (a.addr && a.addr != s->in_addr))
		return 0;
	port = expect_data(n, worker, s, a.port, now_s);
	return port ? replace(p, &a, text, put_announcement(&a, s->ext_addr, port, text)) : 0;
}

/* A line that comes again, because it was lost or had to wait, is in its place already. */
static void outbound(struct nat *n, unsigned worker, struct nat_session *s, struct packet *p,
		     uint32_t now_s)
{
	struct shift shift = shift_load(s);
	uint32_t seq = ntohl(tcp_of(p)->seq);
	int by;

	tcp_of(p)->seq = moved(p, tcp_of(p)->seq, shift_at(shift, seq));
	by = rewrite_line(n, worker, s, p, now_s);
	if (by && (!shift.last || is_after(seq, shift.place)))
		shift_store(s, (struct shift){seq, shift.total + by, (int8_t)by});
}

static void inbound(struct nat_session *s, struct packet *p)
{
	struct shift shift = shift_load(s);
	uint32_t ack = ntohl(tcp_of(p)->ack);
	int32_t by = shift_at(shift, ack - (uint32_t)(shift.total - shift.last));

	if (tcp_of(p)->flags & TCP_ACK)
		tcp_of(p)->ack = moved(p, tcp_of(p)->ack, -by);
}

/* Blocks of SACK would have to be moved as well. */
static void refuse_sack(struct packet *p)
{
	uint8_t *head = p->frame->head;
	unsigned at = p->l4 + (unsigned)sizeof(struct tcp_hdr);
	unsigned end = p->l4 + (tcp_of(p)->data_off >> 4) * 4u;

	if (end > p->frame->head_len)
		return;
	while (at + 1 < end && head[at]) {
		uint32_t before;

		if (head[at] == 1) {
			at++;
			continue;
		}
		if (head[at + 1] < 2)
			return;
		if (head[at] == OPTION_SACK_OK && head[at + 1] == OPTION_SACK_BYTES) {
			before = cksum_fold(cksum_add(0, head + p->l4, end - p->l4));
			head[at] = head[at + 1] = 1;
			add_delta(p, (uint32_t)(uint16_t)~before +
					     cksum_fold(cksum_add(0, head + p->l4, end - p->l4)));
			return;
		}
		at += head[at + 1];
	}
}

void ftp_translate(struct nat *n, unsigned worker, struct nat_session *s, enum nat_direction dir,
		   struct packet *p, uint32_t now_s)
{
	if (p->fragment == PACKET_FRAGMENT_REST)
		return;
	if (tcp_of(p)->flags & TCP_SYN)
		refuse_sack(p);
	else if (dir == NAT_OUTBOUND)
		outbound(n, worker, s, p, now_s);
	else
		inbound(s, p);
}
