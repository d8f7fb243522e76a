/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/packet_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cksum.h"
#include "common/wire.h"

/*
 * Headers are templates of bytes, fields are places in them: two tables. A second pass, when all
 * words are read, fills in what depends on neighbours, from the last header to the first.
 */

enum header_id { ETH, VLAN, ARP, IP, IP6, TCP, UDP, ICMP, ICMP6, HEADER_N };

/* What a header is called by the one before it. */
static const struct header {
	const char *name;
	unsigned size;
	uint16_t ethertype; /* 0: it stands on IP */
	uint8_t proto;
	const uint8_t *bytes;
} headers[] = {
	[ETH] = {"eth", 14, 0, 0,
		 (const uint8_t[14]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1}},
	[VLAN] = {"vlan", 4, WIRE_ETHERTYPE_8021Q, 0, (const uint8_t[4]){0, 1}},
	[ARP] = {"arp", 28, WIRE_ETHERTYPE_ARP, 0, (const uint8_t[28]){0, 1, 8, 0, 6, 4, 0, 1}},
	[IP] = {"ip", 20, WIRE_ETHERTYPE_IPV4, 4,
		(const uint8_t[20]){0x45, [8] = 64, [12] = 10, 0, 0, 1, 10, 0, 0, 2}},
	[IP6] = {"ip6", 40, WIRE_ETHERTYPE_IPV6, 41,
		 (const uint8_t[40]){0x60, [7] = 64, 0xfd, [23] = 1, 0xfd, [39] = 2}},
	[TCP] = {"tcp", 20, 0, WIRE_PROTO_TCP,
		 (const uint8_t[20]){4, 0, 0, 80, [12] = 0x50, [14] = 0xff, 0xff}},
	[UDP] = {"udp", 8, 0, WIRE_PROTO_UDP, (const uint8_t[8]){4, 0, 0, 53}},
	[ICMP] = {"icmp", 8, 0, 1, (const uint8_t[8]){8}},
	[ICMP6] = {"icmp6", 8, 0, 58, (const uint8_t[8]){128}},
};
static_assert(ARRAY_SIZE(headers) == HEADER_N, "a row for each header");

enum field_kind { NUMBER, MAC, ADDRESS4, ADDRESS6, FLAGS };

static const struct field {
	enum header_id header;
	const char *key;
	enum field_kind kind;
	uint8_t offset, size; /* of a number: bytes */
	uint32_t max;
	uint8_t shift; /* within a number, whose other bits stay */
} fields[] = {
	{ETH, "dst", MAC, 0, 6, 0, 0},
	{ETH, "src", MAC, 6, 6, 0, 0},
	{ETH, "type", NUMBER, 12, 2, 0xffff, 0},
	{VLAN, "id", NUMBER, 0, 2, 4095, 0},
	{VLAN, "pcp", NUMBER, 0, 2, 7, 13},
	{VLAN, "type", NUMBER, 2, 2, 0xffff, 0},
	{ARP, "op", NUMBER, 6, 2, 0xffff, 0},
	{ARP, "sha", MAC, 8, 6, 0, 0},
	{ARP, "spa", ADDRESS4, 14, 4, 0, 0},
	{ARP, "tha", MAC, 18, 6, 0, 0},
	{ARP, "tpa", ADDRESS4, 24, 4, 0, 0},
	{IP, "tos", NUMBER, 1, 1, 255, 0},
	{IP, "id", NUMBER, 4, 2, 0xffff, 0},
	{IP, "ttl", NUMBER, 8, 1, 255, 0},
	{IP, "proto", NUMBER, 9, 1, 255, 0},
	{IP, "src", ADDRESS4, 12, 4, 0, 0},
	{IP, "dst", ADDRESS4, 16, 4, 0, 0},
	{IP6, "proto", NUMBER, 6, 1, 255, 0},
	{IP6, "hops", NUMBER, 7, 1, 255, 0},
	{IP6, "src", ADDRESS6, 8, 16, 0, 0},
	{IP6, "dst", ADDRESS6, 24, 16, 0, 0},
	{TCP, "sport", NUMBER, 0, 2, 0xffff, 0},
	{TCP, "dport", NUMBER, 2, 2, 0xffff, 0},
	{TCP, "seq", NUMBER, 4, 4, UINT32_MAX, 0},
	{TCP, "ack", NUMBER, 8, 4, UINT32_MAX, 0},
	{TCP, "flags", FLAGS, 13, 1, 0, 0},
	{UDP, "sport", NUMBER, 0, 2, 0xffff, 0},
	{UDP, "dport", NUMBER, 2, 2, 0xffff, 0},
	{ICMP, "type", NUMBER, 0, 1, 255, 0},
	{ICMP, "code", NUMBER, 1, 1, 255, 0},
	{ICMP6, "type", NUMBER, 0, 1, 255, 0},
	{ICMP6, "code", NUMBER, 1, 1, 255, 0},
};

#define LAYERS_MAX 8

struct build {
	struct text_packet *p;
	struct {
		enum header_id id;
		unsigned offset;
		bool type_given; /* what follows was named by hand */
	} layers[LAYERS_MAX];
	unsigned n;
	uint32_t payload, gso;
	bool partial;
};

/* --- words -------------------------------------------------------------------------------------
 */

static int header_lookup(const char *word)
{
	for (int i = 0; i < HEADER_N; i++)
		if (strcmp(headers[i].name, word) == 0)
			return i;
	return -1;
}

static int push(struct build *b, enum header_id id, struct err *e)
{
	if (b->n == LAYERS_MAX)
		return err_set(e, EINVAL, "more than %d headers", LAYERS_MAX);
	b->layers[b->n].id = id;
	b->layers[b->n].offset = b->p->len;
	b->layers[b->n].type_given = false;
	memcpy(b->p->bytes + b->p->len, headers[id].bytes, headers[id].size);
	b->p->len += headers[id].size;
	b->n++;
	return 0;
}

static bool is_ip(enum header_id id)
{
	return id == IP || id == IP6;
}

static enum header_id last_of(const struct build *b)
{
	return b->layers[b->n - 1].id;
}

/* Appends the header, and before it those that it cannot be without. */
static int add_header(struct build *b, enum header_id id, struct err *e)
{
	bool needs_ip = id > IP6;
	int ret = 0;

	if (id == ETH)
		return b->n == 0 ? push(b, ETH, e)
				 : err_set(e, EINVAL, "eth is the first header, or none");
	if (b->n == 0)
		ret = push(b, ETH, e);
	if (ret == 0 && ((last_of(b) > VLAN && !is_ip(last_of(b))) ||
			 (is_ip(last_of(b)) && headers[id].proto == 0)))
		return err_set(e, EINVAL, "%s cannot stand on %s", headers[id].name,
			       headers[last_of(b)].name);
	if (ret == 0 && needs_ip && !is_ip(last_of(b)))
		ret = push(b, id == ICMP6 ? IP6 : IP, e);
	return ret ? ret : push(b, id, e);
}

static int number_parse(const char *key, const char *text, uint32_t max, uint32_t *value,
			struct err *e)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || n > max)
		return err_set(e, EINVAL, "%s '%s': give a number from 0 to %u", key, text, max);
	*value = (uint32_t)n;
	return 0;
}

static int set_number(uint8_t *at, const struct field *f, const char *text, struct err *e)
{
	uint32_t value = 0, old = 0;
	int ret = number_parse(f->key, text, f->max, &value, e);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < f->size; i++)
		old = old << 8 | at[i];
	if (f->header == VLAN && f->size == 2 && f->offset == 0)
		value = (old & ~(f->max << f->shift)) | value << f->shift;
	for (unsigned i = 0; i < f->size; i++)
		at[i] = (uint8_t)(value >> 8 * (f->size - 1u - i));
	return 0;
}

static int set_flags(uint8_t *at, const char *text, struct err *e)
{
	static const char letters[] = "FSRPAUEC";

	*at = 0;
	for (; *text; text++) {
		const char *letter = strchr(letters, toupper((unsigned char)*text));

		if (!letter)
			return err_set(e, EINVAL, "flags: letters of %s, such as SA", letters);
		*at |= (uint8_t)(1u << (letter - letters));
	}
	return 0;
}

static int set_field(uint8_t *header, const struct field *f, const char *text, struct err *e)
{
	uint8_t *at = header + f->offset;
	struct mac mac;

	switch (f->kind) {
	case NUMBER:
		return set_number(at, f, text, e);
	case FLAGS:
		return set_flags(at, text, e);
	case MAC:
		if (mac_parse(text, &mac) < 0)
			return err_set(e, EINVAL, "%s '%s': write aa:bb:cc:dd:ee:ff", f->key, text);
		memcpy(at, mac.b, sizeof(mac.b));
		return 0;
	default:
		if (inet_pton(f->kind == ADDRESS4 ? AF_INET : AF_INET6, text, at) != 1)
			return err_set(e, EINVAL, "%s '%s': give an IPv%d address", f->key, text,
				       f->kind == ADDRESS4 ? 4 : 6);
		return 0;
	}
}

/* Fields that belong to no header. Returns 1 when `key` is none of them. */
static int set_general(struct build *b, const char *key, const char *text, struct err *e)
{
	if (strcmp(key, "payload") == 0)
		return number_parse(key, text, 65000, &b->payload, e);
	if (strcmp(key, "gso") == 0)
		return number_parse(key, text, 65000, &b->gso, e);
	if (strcmp(key, "csum") != 0)
		return 1;
	b->partial = strcmp(text, "partial") == 0;
	return b->partial ? 0 : err_set(e, EINVAL, "csum '%s': the only word is partial", text);
}

static int add_field(struct build *b, const char *word, struct err *e)
{
	const char *text = strchr(word, '=');
	char key[16];
	int ret;

	if (!text || (size_t)(text - word) >= sizeof(key))
		return err_set(e, EINVAL,
			       "'%s' is neither a header (eth, vlan, arp, ip, ip6, tcp, udp, icmp, "
			       "icmp6) nor a field KEY=VALUE",
			       word);
	memcpy(key, word, (size_t)(text - word));
	key[text++ - word] = '\0';
	ret = set_general(b, key, text, e);
	if (ret <= 0)
		return ret;
	if (b->n == 0)
		return err_set(e, EINVAL, "%s belongs to no header: begin with eth or ip", key);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];

		if (f->header != b->layers[b->n - 1].id || strcmp(f->key, key) != 0)
			continue;
		b->layers[b->n - 1].type_given |=
			strcmp(key, "type") == 0 || strcmp(key, "proto") == 0;
		return set_field(b->p->bytes + b->layers[b->n - 1].offset, f, text, e);
	}
	return err_set(e, EINVAL, "%s has no field %s", headers[b->layers[b->n - 1].id].name, key);
}

/* --- what depends on neighbours ----------------------------------------------------------------
 */

static void store16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Names the header behind layer `i`. */
static void link_next(struct build *b, unsigned i)
{
	uint8_t *at = b->p->bytes + b->layers[i].offset;
	const struct header *next = i + 1 < b->n ? &headers[b->layers[i + 1].id] : NULL;

	if (!next || b->layers[i].type_given)
		return;
	if (b->layers[i].id == ETH)
		store16(at + 12, next->ethertype);
	else if (b->layers[i].id == VLAN)
		store16(at + 2, next->ethertype);
	else if (b->layers[i].id == IP)
		at[9] = next->proto;
	else if (b->layers[i].id == IP6)
		at[6] = next->proto;
}

static void finish_ip(struct build *b, unsigned i)
{
	uint8_t *at = b->p->bytes + b->layers[i].offset;
	unsigned len = b->p->len - b->layers[i].offset;
	uint16_t csum;

	if (b->layers[i].id == IP6) {
		store16(at + 4, len - 40);
		return;
	}
	store16(at + 2, len);
	memset(at + 10, 0, 2);
	csum = cksum_finish(cksum_add(0, at, 20));
	memcpy(at + 10, &csum, 2);
}

/* The sum over the pseudo-header, RFC 9293 3.1 and RFC 8200 8.1. */
static uint32_t pseudo_sum(const struct build *b, unsigned ip, unsigned l4_len, uint8_t proto)
{
	const uint8_t *at = b->p->bytes + b->layers[ip].offset;
	uint32_t sum = cksum_add32(htonl(l4_len), (uint32_t)htons(proto));

	return b->layers[ip].id == IP6 ? cksum_add(sum, at + 8, 32) : cksum_add(sum, at + 12, 8);
}

static unsigned csum_offset(enum header_id id)
{
	return id == TCP ? 16 : id == UDP ? 6 : 2;
}

static void finish_l4(struct build *b, unsigned i)
{
	enum header_id id = b->layers[i].id;
	unsigned off = b->layers[i].offset, len = b->p->len - off;
	uint8_t *at = b->p->bytes + off;
	uint32_t sum = id == ICMP ? 0 : pseudo_sum(b, i - 1, len, headers[id].proto);
	uint16_t csum;

	if (id == UDP)
		store16(at + 4, len);
	csum = b->partial ? cksum_fold(sum) : cksum_finish(cksum_add(sum, at, len));
	memcpy(at + csum_offset(id), &csum, 2);
	if (!b->partial)
		return;
	b->p->vnet.flags = VNET_NEEDS_CSUM;
	b->p->vnet.csum_start = (uint16_t)off;
	b->p->vnet.csum_offset = (uint16_t)csum_offset(id);
	if (!b->gso)
		return;
	b->p->vnet.gso_type = b->layers[i - 1].id == IP6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
	b->p->vnet.gso_size = (uint16_t)b->gso;
	b->p->vnet.hdr_len = (uint16_t)(off + headers[id].size);
}

static int finish(struct build *b, struct err *e)
{
	enum header_id last = b->n ? b->layers[b->n - 1].id : ETH;

	if (b->n == 0)
		return err_set(e, EINVAL, "no packet: name headers, or give hex digits");
	if (b->gso && last != TCP)
		return err_set(e, EINVAL, "gso needs a TCP packet");
	if (b->partial && last != TCP && last != UDP)
		return err_set(e, EINVAL, "csum=partial needs a TCP or UDP packet");
	b->partial |= b->gso != 0;
	for (uint32_t i = 0; i < b->payload; i++)
		b->p->bytes[b->p->len++] = (uint8_t)i;
	for (unsigned i = 0; i < b->n; i++)
		link_next(b, i);
	for (unsigned i = 0; i < b->n; i++) {
		if (is_ip(b->layers[i].id))
			finish_ip(b, i);
		else if (b->layers[i].id >= TCP)
			finish_l4(b, i);
	}
	return 0;
}

/* --- hex digits --------------------------------------------------------------------------------
 */

static int digit_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (tolower((unsigned char)c) - 'a' + 10);
}

static bool is_hex(const char *word)
{
	size_t digits = 0;

	for (; *word; word++) {
		if (isxdigit((unsigned char)*word))
			digits++;
		else if (*word != ':')
			return false;
	}
	return digits && digits % 2 == 0;
}

static int add_hex(struct text_packet *p, const char *word, struct err *e)
{
	bool high = true;

	if (!is_hex(word))
		return err_set(e, EINVAL, "'%s' is no even number of hex digits", word);
	for (; *word; word++) {
		if (*word == ':')
			continue;
		if (p->len == sizeof(p->bytes))
			return err_set(e, EINVAL, "more than %zu bytes", sizeof(p->bytes));
		if (high)
			p->bytes[p->len] = (uint8_t)(digit_value(*word) << 4);
		else
			p->bytes[p->len++] |= (uint8_t)digit_value(*word);
		high = !high;
	}
	return 0;
}

int packet_text_parse(struct text_packet *p, const char *const *words, unsigned n, struct err *e)
{
	bool hex = n > 0 && header_lookup(words[0]) < 0 && is_hex(words[0]);
	struct build b = {.p = p};
	int ret = 0;

	memset(p, 0, sizeof(*p));
	if (n > PACKET_TEXT_WORDS_MAX)
		return err_set(e, EINVAL, "more than %d words", PACKET_TEXT_WORDS_MAX);
	for (unsigned i = 0; i < n && ret == 0; i++) {
		int id = header_lookup(words[i]);

		if (hex)
			ret = add_hex(p, words[i], e);
		else if (id >= 0)
			ret = add_header(&b, (enum header_id)id, e);
		else
			ret = add_field(&b, words[i], e);
	}
	return ret < 0 || hex ? ret : finish(&b, e);
}
