/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/npt6.h"

#include <errno.h>
#include <string.h>

#include "nat/rewrite.h"

#define LEN_MIN	    16
#define LEN_MAX	    64
#define SUBNET_WORD 3 /* bits 48 to 63 */
#define WORDS	    8
#define SRC_AT	    8
#define DST_AT	    24

static uint16_t word_at(const uint8_t *addr, unsigned word)
{
	uint16_t v;

	memcpy(&v, addr + 2 * word, sizeof(v));
	return v;
}

/* The bits of byte `i` that belong to a prefix of `len` bits. */
static uint8_t mask_byte(uint8_t len, unsigned i)
{
	if (len >= 8 * (i + 1))
		return 0xff;
	return len > 8 * i ? (uint8_t)(0xff00 >> (len - 8 * i)) : 0;
}

static void take_prefix(uint8_t to[16], const struct ipaddr_prefix *p)
{
	for (unsigned i = 0; i < 16; i++)
		to[i] = p->addr.b[i] & mask_byte(p->len, i);
}

int npt6_init(struct npt6 *t, const struct ipaddr_prefix *inside,
	      const struct ipaddr_prefix *outside, struct err *e)
{
	if (inside->len != outside->len)
		return err_set(e, EINVAL, "prefixes of /%u and /%u: both need the same length",
			       inside->len, outside->len);
	if (inside->len < LEN_MIN || inside->len > LEN_MAX)
		return err_set(e, EINVAL, "prefixes of /%u: between /%d and /%d can be translated",
			       inside->len, LEN_MIN, LEN_MAX);
	if (ipaddr_is_ip4(&inside->addr) || ipaddr_is_ip4(&outside->addr))
		return err_set(e, EINVAL, "prefix translation is for IPv6: give two IPv6 prefixes");
	t->len = inside->len;
	take_prefix(t->inside, inside);
	take_prefix(t->outside, outside);
	/* What to add to a word inbound, where the outside prefix is taken out. */
	t->adjustment = cksum_fold((uint32_t)cksum_fold(cksum_add(0, t->outside, 16)) +
				   (uint16_t)~cksum_fold(cksum_add(0, t->inside, 16)));
	return 0;
}

static bool has_prefix(const struct npt6 *t, const uint8_t prefix[16], const uint8_t *addr)
{
	for (unsigned i = 0; i < (t->len + 7u) / 8; i++) {
		if ((addr[i] & mask_byte(t->len, i)) != prefix[i])
			return false;
	}
	return true;
}

/* Which word takes up the difference; WORDS: none can. */
static unsigned adjusted_word(const struct npt6 *t, const uint8_t *addr)
{
	unsigned word = t->len <= 48 ? SUBNET_WORD : SUBNET_WORD + 1;

	for (; word < WORDS; word++) {
		if (word_at(addr, word) != 0xffff)
			return word;
		if (t->len <= 48)
			return WORDS;
	}
	return WORDS;
}

bool npt6_address(const struct npt6 *t, enum nat_direction dir, uint8_t addr[16])
{
	bool out = dir == NAT_OUTBOUND;
	const uint8_t *from = out ? t->inside : t->outside, *to = out ? t->outside : t->inside;
	unsigned word = adjusted_word(t, addr);
	uint16_t sum;

	if (word == WORDS || !has_prefix(t, from, addr))
		return false;
	for (unsigned i = 0; i < (t->len + 7u) / 8; i++)
		addr[i] = (uint8_t)((addr[i] & ~mask_byte(t->len, i)) | to[i]);
	sum = cksum_fold((uint32_t)word_at(addr, word) +
			 (out ? (uint16_t)~t->adjustment : t->adjustment));
	if (sum == 0xffff) /* the other zero, which the next translation could not undo */
		sum = 0;
	memcpy(addr + 2 * word, &sum, sizeof(sum));
	return true;
}

/* The carried packet went the other way: its address of ours is at the other end. */
static void translate_carried(const struct npt6 *t, enum nat_direction dir, struct packet *p)
{
	unsigned at =
		p->l4 + (unsigned)sizeof(struct icmp_hdr) + (dir == NAT_OUTBOUND ? DST_AT : SRC_AT);

	if (at + 16 <= p->frame->head_len)
		npt6_address(t, dir, p->frame->head + at);
}

enum drop_reason npt6_translate(const struct npt6 *t, enum nat_direction dir, struct packet *p)
{
	bool out = dir == NAT_OUTBOUND;

	if (!p->ipv6)
		return DROP_NAT_PROTO;
	if (!npt6_address(t, dir, p->frame->head + p->l3 + (out ? SRC_AT : DST_AT)))
		return out ? DROP_NAT_SOURCE : DROP_NAT_NO_MAPPING;
	if (p->icmp_error && p->fragment != PACKET_FRAGMENT_REST)
		translate_carried(t, dir, p);
	return DROP_NONE;
}
