/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NAT_NAT_CONTROL_H
#define NAT_NAT_CONTROL_H

/*
 * How the control side makes, changes and looks at what nat/nat.h translates with. Addresses and
 * ports are in host byte order here. All functions belong to the control thread, nat_tick aside;
 * none of them stops a worker. What a change takes out of use is freed after a grace period, which
 * the function waits for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/ip.h"
#include "nat/nat.h"

struct rte_rcu_qsbr;

#define NAT_SESSIONS_DEFAULT  262144u
#define NAT_SESSIONS_MAX      (1u << 26)
#define NAT_INSIDES_MAX	      1023u
#define NAT_OUTSIDES_MAX      255u
#define NAT_ADDRESSES_MAX     256u   /* external addresses of an outside */
#define NAT_FORWARD_PORTS_MAX 65536u /* ports of all forwards, times their addresses */
#define NAT_RULES_MAX	      1024u  /* of an inside */

/* What behaviour and ports are apart for. */
enum nat_class { NAT_UDP, NAT_TCP, NAT_ICMP, NAT_CLASS_N };
const char *nat_class_name(enum nat_class c);

struct nat_params {
	unsigned n_workers;	  /* whose numbers nat_lookup and the others are given */
	uint32_t sessions_max;	  /* of all insides; 0: NAT_SESSIONS_DEFAULT */
	struct rte_rcu_qsbr *rcu; /* of the workers; NULL: there is one thread, the caller's */
	uint64_t secret[4];	  /* random: what attackers must not know */
};

/* Returns NULL and the reason in `e`. Destroy after the workers have stopped; takes NULL. */
struct nat *nat_create(const struct nat_params *params, struct err *e);
void nat_destroy(struct nat *n);

/*
 * Has memory ready for the sessions to come, so that workers need not wait for it, and makes the
 * flow tables as large as they should be. Call it about ten times a second, in the control thread;
 * it returns at once when there is nothing to do.
 */
void nat_prepare(struct nat *n);

/* Who outside may send to a mapping: RFC 4787, 5; RFC 5382, 4.3. */
enum nat_filtering {
	NAT_FILTERING_ENDPOINT_INDEPENDENT,
	NAT_FILTERING_ADDRESS_DEPENDENT,
	NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
	NAT_FILTERING_N,
};
const char *nat_filtering_name(enum nat_filtering f); /* "endpoint-independent", ... */

/* Seconds; 0: the default. */
struct nat_timeouts {
	uint32_t udp_s;		/* 300 */
	uint32_t tcp_s;		/* 7440: 2 h 4 min, RFC 5382 REQ-5 */
	uint32_t tcp_opening_s; /* 240 */
	uint32_t tcp_closing_s; /* 240 */
	uint32_t icmp_s;	/* 60 */
};

/*
 * A rule of the stateful filter. The first that fits decides; when none does, the packet passes.
 * Rules are asked when a session is opened, so answers need none.
 */
struct nat_rule {
	bool allow;
	enum nat_direction direction;	/* OUTBOUND: a guest begins; INBOUND: the other end does */
	uint8_t proto;			/* 0: any */
	struct ip4_prefix guest;	/* len 0: any */
	struct ip4_prefix remote;	/* len 0: any */
	uint16_t port_first, port_last; /* destination of the first packet; 0-0: any */
};

enum { NAT_ALG_FTP = 1, NAT_ALG_TFTP = 2 };

struct nat_inside_params {
	struct ip4_prefix subnet; /* at least 8 bits; insides do not overlap */
	enum nat_filtering filtering[NAT_CLASS_N];
	struct nat_timeouts timeouts;
	uint32_t sessions_max;	      /* 0: no bound but the table's */
	uint32_t guest_sessions_max;  /* of one inside address; 0: no bound */
	uint32_t guest_ports_max;     /* of one inside address and class; 0: no bound */
	bool tcp_strict;	      /* no session from the middle of a connection (RFC 5382) */
	unsigned algs;		      /* NAT_ALG_* */
	const struct nat_rule *rules; /* copied */
	unsigned n_rules;
};

struct nat_inside *nat_inside_create(struct nat *n, const struct nat_inside_params *params,
				     struct err *e);
/* Sessions stay. A change of the subnet is refused with -EBUSY: destroy and create. */
int nat_inside_update(struct nat *n, struct nat_inside *in, const struct nat_inside_params *params,
		      struct err *e);
/* Its sessions and the forwards to it end. Takes NULL. */
void nat_inside_destroy(struct nat *n, struct nat_inside *in);

/* Ports `first` to `last` of the external addresses are those from `to_port` on of `to`. */
struct nat_forward {
	enum nat_class class; /* NAT_UDP or NAT_TCP */
	uint32_t address;     /* an external one; 0: each of them */
	uint16_t first, last; /* last 0: only `first` */
	uint32_t to;	      /* an address of an inside's subnet */
	uint16_t to_port;
};

struct nat_outside_params {
	const uint32_t *addresses; /* external ones, at least one; copied */
	unsigned n_addresses;
	uint16_t port_first, port_last; /* what mappings may take; 0-0: 1024 to 65535 */
	uint16_t mtu;			/* clamps the MSS of TCP; 0: not clamped */
	uint32_t hold_down_s;		/* before a freed UDP port serves another; 0: 120 */
	bool no_hold_down;
};

struct nat_outside *nat_outside_create(struct nat *n, const struct nat_outside_params *params,
				       struct err *e);
/* Ends the sessions of addresses that are gone, keeps all others and the forwards. */
int nat_outside_update(struct nat *n, struct nat_outside *out,
		       const struct nat_outside_params *params, struct err *e);
void nat_outside_destroy(struct nat *n, struct nat_outside *out);

/*
 * Adds a forward at run time. A port that a guest's mapping has is taken from it: its sessions go
 * on, its next ones get another port. Returns 0; -EEXIST when a forward has the port, -EINVAL,
 * -ENOENT when no inside has the address, -ENOSPC.
 */
int nat_forward_add(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
		    struct err *e);
/* Removes what was added with the same class, address and first port, and ends its sessions. */
int nat_forward_del(struct nat *n, struct nat_outside *out, const struct nat_forward *f,
		    struct err *e);
/* Calls `visit` for each forward until it returns false. */
void nat_visit_forwards(const struct nat_outside *out,
			bool (*visit)(const struct nat_forward *, void *), void *arg);

struct nat_session_info {
	struct nat_inside *inside;
	struct nat_outside *outside; /* NULL: routed, not translated */
	uint8_t proto;
	uint32_t guest, remote, external; /* external 0: not translated */
	uint16_t guest_port, remote_port, external_port;
	const char *state; /* "established", ... */
	uint32_t age_s, idle_s, expires_s;
	bool inbound; /* the other end began it */
	bool hairpin;
};

/*
 * Calls `visit` for each session, in no order, until it returns false. Sessions that come and go
 * meanwhile may be missed.
 */
void nat_visit_sessions(struct nat *n, uint64_t now_ns,
			bool (*visit)(const struct nat_session_info *, void *), void *arg);

struct nat_mapping_info {
	struct nat_inside *inside;
	struct nat_outside *outside;
	enum nat_class class;
	uint32_t guest, external;
	uint16_t guest_port, external_port;
	uint32_t sessions;
	bool forward; /* by configuration */
	bool held;    /* without sessions; its port waits before it serves another */
};

void nat_visit_mappings(struct nat *n, bool (*visit)(const struct nat_mapping_info *, void *),
			void *arg);

/* What an address of an inside uses. */
struct nat_guest_usage {
	uint32_t guest;
	uint32_t sessions;
	uint32_t ports[NAT_CLASS_N];
};

/* Calls `visit` for each address of the inside that has sessions. */
void nat_visit_guests(struct nat_inside *in, bool (*visit)(const struct nat_guest_usage *, void *),
		      void *arg);

struct nat_counters {
	uint64_t sessions, sessions_max; /* now, and at most */
	uint64_t mappings;
	uint64_t opened, expired, flushed;
	uint64_t ports_preserved, ports_random, ports_shared; /* how mappings got theirs */
	uint64_t holds_cut;   /* held ports given out early, because the pool was short */
	uint64_t icmp_errors; /* translated */
	uint64_t fragments_held, fragments_expired;
	uint64_t refused[DROP_N]; /* by reason; only those of NAT are ever counted */
	uint64_t bytes;		  /* of memory that sessions, mappings and tables have touched */
};

void nat_counters_get(struct nat *n, struct nat_counters *c);

struct nat_inside_counters {
	uint64_t sessions, sessions_max;
	uint64_t refused[DROP_N];
};

void nat_inside_counters_get(struct nat_inside *in, struct nat_inside_counters *c);

struct nat_outside_counters {
	unsigned addresses;
	uint64_t ports_used[NAT_CLASS_N]; /* of all addresses; forwards and held ones included */
	uint64_t ports[NAT_CLASS_N];	  /* that there are */
};

void nat_outside_counters_get(struct nat_outside *out, struct nat_outside_counters *c);

/* Which sessions to end; what is NULL or 0 fits all. */
struct nat_flush {
	const struct nat_inside *inside;
	const struct nat_outside *outside;
	uint32_t guest, remote;
	uint8_t proto;
};

/* Ends sessions; their next packets begin anew. Returns their number. */
unsigned nat_flush(struct nat *n, const struct nat_flush *which);

#endif
