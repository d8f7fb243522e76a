/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/command.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/suggest.h"
#include "common/util.h"

static const char *const group_names[] = {
	"Bridges and ports", "Configuration",	    "Forwarding table", "Gateways and NAT",
	"DHCP and DNS",	     "Counters and frames", "Guests",		"Daemon",
};
static_assert(ARRAY_SIZE(group_names) == GROUP_N, "a name for each group");

static const char *const arg_kind_names[] = {
	"none", "bridge", "port",  "guest",  "file",  "mac",  "vlan",
	"kind", "name",	  "field", "module", "level", "verb", "word",
};
static_assert(ARRAY_SIZE(arg_kind_names) == ARG_KIND_N, "a name for each kind of argument");

static const struct command_option options[] = {
	[OPTION_SOCKET] = {"--socket", 's', "PATH", NULL,
			   "weftd's control socket; else $WEFT_SOCKET, else /run/weft/weftd.sock"},
	[OPTION_TIMEOUT] = {"--timeout", 't', "SEC", NULL,
			    "how long to wait for an answer; 10 for most verbs, no limit for "
			    "those that stream"},
	[OPTION_JSON] = {"--json", 0, NULL, NULL, "print the result as JSON"},
	[OPTION_NO_HEADING] = {"--no-heading", 0, NULL, NULL, "leave out the headings of tables"},
	[OPTION_HELP] = {"--help", 'h', NULL, NULL, "explain weft, or the verb beside it"},
	[OPTION_VERSION] = {"--version", 0, NULL, NULL, "print the version of this program"},
	[OPTION_MAY_EXIST] = {"--may-exist", 0, NULL, "may_exist",
			      "be content when it is there already"},
	[OPTION_IF_EXISTS] = {"--if-exists", 0, NULL, "if_exists",
			      "be content when it is not there"},
	[OPTION_DRY_RUN] = {"--dry-run", 0, NULL, "dry_run", "say what would be done, do nothing"},
	[OPTION_RUNNING] = {"--running", 0, NULL, "running", "the running configuration as YAML"},
	[OPTION_EFFECTIVE] = {"--effective", 0, NULL, "effective",
			      "the running configuration as YAML, with defaults and derived "
			      "values written out"},
	[OPTION_KEEP_GUESTS] = {"--keep-guests", 0, NULL, "keep_guests",
				"leave the guests running; the next weftd takes them back"},
	[OPTION_WRITE] = {"--write", 'w', "FILE", NULL,
			  "write pcapng to FILE, or with - to standard output, instead of a line "
			  "a frame"},
	[OPTION_FILTER] = {"--filter", 'f', "EXPR", NULL,
			   "only frames that match, in the syntax of tcpdump (pcap-filter(7))"},
	[OPTION_DIRECTION] = {"--direction", 'Q', "WAY", "direction",
			      "in: from the port into the switch, out: to the port, or both"},
	[OPTION_SNAPLEN] = {"--snaplen", 0, "N", "snaplen", "take up to N bytes of each frame"},
	[OPTION_COUNT] = {"--count", 'c', "N", "count", "end after N frames"},
	[OPTION_DROPS] = {"--drops", 0, NULL, "drops", "only frames that were dropped"},
	[OPTION_ONCE] = {"--once", 0, NULL, NULL, "measure for one second, print, and end"},
	[OPTION_OUTPUT] = {"--output", 'o', "FILE", NULL, "write to FILE, - is standard output"},
};
static_assert(ARRAY_SIZE(options) == OPTION_N, "a row for each option");

#define OPTION(name) (1u << OPTION_##name)

static const struct command_spec specs[] = {
	/* clang-format off */
	{"show", GROUP_SWITCH, COMMAND_PRINTS, OPTION(RUNNING) | OPTION(EFFECTIVE), 0, {{0}},
	 "show bridges, ports and guests as a tree",
	 "A port that does not carry traffic yet says what it waits for, a broken one says why. "
	 "With --running or --effective the output is a config file that weftd reads back."},
	{"list-br", GROUP_SWITCH, COMMAND_PRINTS, 0, 0, {{0}},
	 "list the bridges", "One name a line."},
	{"br-exists", GROUP_SWITCH, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, 0}},
	 "tell whether a bridge exists",
	 "Prints nothing: exits with 0 when it exists and with 2 when it does not."},
	{"add-br", GROUP_SWITCH, COMMAND_CHANGES, OPTION(MAY_EXIST), 0,
	 {{"bridge", ARG_WORD, 0}, {"fields", ARG_FIELD, ARG_OPTIONAL | ARG_MANY}},
	 "add a bridge",
	 "Fields are named as in the config file, with dots for nesting: "
	 "weft add-br lan address=10.10.0.1/24 ageing=60s."},
	{"del-br", GROUP_SWITCH, COMMAND_CHANGES, OPTION(IF_EXISTS), 0,
	 {{"bridge", ARG_BRIDGE, 0}},
	 "delete a bridge",
	 "Refused while a port or a guest's NIC of the configuration is on it."},
	{"list-ports", GROUP_SWITCH, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, 0}},
	 "list the ports of a bridge", "One name a line; NIC N of a guest is the port GUEST.N."},
	{"port-to-br", GROUP_SWITCH, COMMAND_PRINTS, 0, 0, {{"port", ARG_PORT, 0}},
	 "print the bridge that a port is on", "Fails when there is no such port."},
	{"add-port", GROUP_SWITCH, COMMAND_CHANGES, OPTION(MAY_EXIST), 0,
	 {{"bridge", ARG_BRIDGE, 0}, {"port", ARG_WORD, 0},
	  {"fields", ARG_FIELD, ARG_OPTIONAL | ARG_MANY}},
	 "add a port to a bridge",
	 "Without fields it is a vhost-user port whose socket weftd makes in its run-dir: "
	 "weft add-port lan vm7 vhost-user.path=/run/vm7.sock vhost-user.mode=client."},
	{"del-port", GROUP_SWITCH, COMMAND_CHANGES, OPTION(IF_EXISTS), 0,
	 {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}, {"port", ARG_PORT, 0}},
	 "delete a port",
	 "With BRIDGE, the port has to be on that bridge. The NIC of a guest goes with the guest, "
	 "not with this verb."},
	{"set", GROUP_SWITCH, COMMAND_CHANGES, 0, 0,
	 {{"kind", ARG_KIND, 0}, {"name", ARG_NAME, ARG_NOT_SWITCH},
	  {"fields", ARG_FIELD, ARG_MANY}},
	 "change fields of a bridge, a port, a guest or the switch",
	 "Fields are named as in the config file: weft set bridge lan ageing=60s, "
	 "weft set switch idle=never."},
	{"get", GROUP_SWITCH, COMMAND_PRINTS, 0, 0,
	 {{"kind", ARG_KIND, 0}, {"name", ARG_NAME, ARG_NOT_SWITCH}, {"key", ARG_WORD, 0}},
	 "print one field of a bridge, a port, a guest or the switch",
	 "weft get bridge lan ageing prints 5m."},

	{"check", GROUP_CONFIG, COMMAND_PRINTS | COMMAND_LOCAL, 0, 0, {{"file", ARG_FILE, 0}},
	 "check a config file",
	 "Reports all errors of the file with their lines and remedies. Needs no running weftd: it "
	 "runs weftd --check."},
	{"plan", GROUP_CONFIG, COMMAND_PRINTS, 0, 60, {{"file", ARG_FILE, 0}},
	 "show what applying a config file would change",
	 "The running configuration becomes that of FILE; - reads standard input. Changes that "
	 "disturb traffic or a guest are marked with an exclamation mark."},
	{"apply", GROUP_CONFIG, COMMAND_CHANGES, 0, 120, {{"file", ARG_FILE, 0}},
	 "make the running configuration that of a file",
	 "Only what differs is touched; an unchanged file does nothing. - reads standard input. "
	 "Exits with 65 when the configuration is saved but parts of it did not take effect."},
	{"doctor", GROUP_CONFIG, COMMAND_PRINTS | COMMAND_LOCAL, 0, 0, {{0}},
	 "check what this machine offers to weft",
	 "Looks at KVM, hugepages, memory, DPDK and programs, and says what to do about what is "
	 "missing. Needs no running weftd: it runs weftd --doctor."},

	{"fdb/show", GROUP_FDB, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "show the learned and static addresses", "Of all bridges unless one is named."},
	{"fdb/add", GROUP_FDB, COMMAND_ACTS, 0, 0,
	 {{"bridge", ARG_BRIDGE, 0}, {"port", ARG_PORT, 0}, {"vlan", ARG_VLAN, ARG_OPTIONAL},
	  {"mac", ARG_MAC, 0}},
	 "add a static address",
	 "It neither ages nor moves until weftd ends; the config file keeps addresses for longer."},
	{"fdb/del", GROUP_FDB, COMMAND_ACTS, OPTION(IF_EXISTS), 0,
	 {{"bridge", ARG_BRIDGE, 0}, {"vlan", ARG_VLAN, ARG_OPTIONAL}, {"mac", ARG_MAC, 0}},
	 "delete an address, learned or static", "Frames to it are flooded until it is learned."},
	{"fdb/flush", GROUP_FDB, COMMAND_ACTS, 0, 0, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "forget the learned addresses", "Of all bridges unless one is named; static ones stay."},
	{"fdb/stats-show", GROUP_FDB, COMMAND_PRINTS, 0, 0,
	 {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "show how the forwarding table is used",
	 "full counts addresses that were not learned because the table was at its limit."},

	{"mdb/show", GROUP_FDB, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "show the multicast groups and who asked for them",
	 "Of all bridges with multicast-snooping unless one is named. A router port is where "
	 "queries come from; it gets all multicast."},

	{"vlan/show", GROUP_FDB, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, 0}},
	 "show the VLANs of a bridge and their ports",
	 "A port is listed as untagged where frames of the VLAN leave it without a tag."},

	{"nat/show", GROUP_NAT, COMMAND_PRINTS, 0, 0, {{0}},
	 "show gateways, uplinks and what translation uses",
	 "Sessions and ports in use and at most, by bridge, guest and uplink, and what was refused, "
	 "by reason. `slow` packets are those for which a way had to be found; the others had a "
	 "session that knew it."},
	{"nat/sessions", GROUP_NAT, COMMAND_PRINTS, 0, 60, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "list the sessions of NAT and of the filter", "Up to 10000 of them, in no order."},
	{"nat/flush", GROUP_NAT, COMMAND_ACTS, 0, 60, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "end sessions", "All, or those of a bridge. Their next packets begin anew. Over the control "
	 "socket the parameter `guest` names one inside address."},
	{"nat/list-forwards", GROUP_NAT, COMMAND_PRINTS, 0, 0, {{0}},
	 "list the ports that lead from uplinks to guests",
	 "As they are configured, and to which address and port each leads."},
	{"nat/add-forward", GROUP_NAT, COMMAND_CHANGES, 0, 0,
	 {{"bridge", ARG_BRIDGE, 0}, {"proto", ARG_WORD, 0}, {"ports", ARG_WORD, 0},
	  {"to", ARG_WORD, 0}},
	 "let a port of the bridge's uplink lead to a guest",
	 "weft nat/add-forward lan tcp 2222 alpha:22, or with a range, "
	 "weft nat/add-forward lan udp 5000-5010 10.10.0.7:6000."},
	{"nat/del-forward", GROUP_NAT, COMMAND_CHANGES, 0, 0,
	 {{"bridge", ARG_BRIDGE, 0}, {"proto", ARG_WORD, 0}, {"ports", ARG_WORD, 0}},
	 "take such a port back", "Its sessions end."},
	{"neigh/show", GROUP_NAT, COMMAND_PRINTS, 0, 0, {{0}},
	 "list the neighbours of gateways and uplinks",
	 "Who has which MAC address, by ARP and neighbour discovery."},
	{"route/show", GROUP_NAT, COMMAND_PRINTS, 0, 0, {{0}},
	 "list the networks that the router knows",
	 "A default route is that of one bridge, by its uplink."},

	{"port/show", GROUP_STATS, COMMAND_PRINTS, 0, 0, {{"port", ARG_PORT, ARG_OPTIONAL}},
	 "show ports in detail",
	 "State of the vhost-user handshake, negotiated features and offloads, rings and "
	 "counters."},
	{"port/rebalance", GROUP_STATS, COMMAND_ACTS, 0, 0, {{0}},
	 "spread the ports' queues over the workers anew",
	 "By what each queue received since the last call, if the busiest worker gains by it. No "
	 "frame is lost or overtaken on the way. port/show tells which worker polls a queue, "
	 "pmd-perf-show how busy the workers are."},
	{"stats/show", GROUP_STATS, COMMAND_PRINTS, 0, 0, {{"port", ARG_PORT, ARG_OPTIONAL}},
	 "show the packet counters of ports",
	 "rx is what weft took from the port, tx what it gave to it. Drops are listed by reason."},
	{"pmd-perf-show", GROUP_STATS, COMMAND_PRINTS, 0, 0, {{0}},
	 "show what the workers' cycles went into",
	 "Busy cycles, packets and bursts, and how often a worker slept and was woken, since the "
	 "start or the last pmd-stats-clear."},
	{"pmd-stats-clear", GROUP_STATS, COMMAND_ACTS, 0, 0, {{0}},
	 "set the workers' counters to zero", "Counters of ports are not touched."},

	{"ring/show", GROUP_STATS, COMMAND_PRINTS, 0, 0, {{"port", ARG_PORT, ARG_OPTIONAL}},
	 "show how full the rings of ports were",
	 "For each ring the buffers that the guest has posted now, and what one burst in 16 found "
	 "posted, in powers of two and percent. A to-guest ring that is often at 0 has "
	 "a guest that does not keep up; a from-guest ring that is often at its size has weft as "
	 "the slower one."},
	{"top", GROUP_STATS, COMMAND_PRINTS | COMMAND_LOCAL, OPTION(ONCE), 0, {{0}},
	 "show the rates of ports and workers as they change",
	 "The busiest port first, refreshed each second until Ctrl-C or for the seconds given with "
	 "-t. Rings are shown by the part of them that the guest has posted. With --once one "
	 "table is printed; with --json an object a line."},
	{"capture", GROUP_STATS, COMMAND_STREAMS,
	 OPTION(WRITE) | OPTION(FILTER) | OPTION(DIRECTION) | OPTION(SNAPLEN) | OPTION(COUNT) |
		 OPTION(DROPS), 0, {{"ports", ARG_PORT, ARG_MANY}},
	 "capture frames of ports",
	 "Prints a line a frame, or writes a pcapng file that Wireshark and tshark read, each port "
	 "an interface: weft capture alpha.0 beta.0 -w - | tshark -r -. A frame is seen once at "
	 "each port: where it came in, and where it was given out or lost; a dropped one has the "
	 "reason as its comment. Ctrl-C, --count or --timeout end it. Filters see the first 128 "
	 "bytes. Large frames and checksums are shown as the sender left them to offloads."},

	{"trace", GROUP_STATS, COMMAND_PRINTS, 0, 0,
	 {{"port", ARG_PORT, 0}, {"packet", ARG_WORD, ARG_MANY}},
	 "explain what would become of a packet",
	 "Runs the stages of the switch on a packet that came in at PORT, and says what each of "
	 "them decides and what the receivers would be given. Nothing is sent or learned. PACKET is "
	 "hex digits, or headers by name (eth, vlan, arp, ip, ip6, tcp, udp, icmp, icmp6) with their "
	 "fields: weft trace alpha.0 eth dst=52:54:00:00:00:02 ip dst=10.10.0.3 tcp dport=80 "
	 "payload=4000 gso=1448. What is not given is filled in."},

	{"dhcp/show", GROUP_DHCP, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "show the DHCP and DNS servers of bridges",
	 "State of each bridge's dnsmasq, how much of its range is used, and how many requests found "
	 "no free address."},
	{"dhcp/leases", GROUP_DHCP, COMMAND_PRINTS, 0, 0, {{"bridge", ARG_BRIDGE, ARG_OPTIONAL}},
	 "list the addresses that were leased by DHCP", "On all bridges unless one is named."},
	{"dhcp/release", GROUP_DHCP, COMMAND_ACTS, 0, 0, {{"client", ARG_WORD, 0}},
	 "end the leases of an address or a MAC address",
	 "The server forgets them and gives the address to others; the client is not told and goes on "
	 "until it asks again, unless its port has anti-spoof with leases."},

	{"guest/list", GROUP_GUEST, COMMAND_PRINTS, 0, 0, {{0}},
	 "list the guests",
	 "engine says what runs a guest and accel how: kvm, or tcg with the reason why not kvm."},
	{"guest/start", GROUP_GUEST, COMMAND_ACTS, 0, 60, {{"guest", ARG_GUEST, 0}},
	 "start a guest", "Answers when its process runs, not when the guest has booted."},
	{"guest/stop", GROUP_GUEST, COMMAND_ACTS, 0, 60, {{"guest", ARG_GUEST, 0}},
	 "stop a guest", "Asks it to power off, and ends its process when it does not in time."},
	{"guest/restart", GROUP_GUEST, COMMAND_ACTS, 0, 120, {{"guest", ARG_GUEST, 0}},
	 "stop a guest and start it again", "A guest that does not run is started."},
	{"guest/balloon", GROUP_GUEST, COMMAND_ACTS, 0, 0,
	 {{"guest", ARG_GUEST, 0}, {"size", ARG_WORD, 0}},
	 "ask a guest to go on with so much of its memory",
	 "SIZE as 256M. The rest goes back to the host, as far and as fast as the guest can give it; "
	 "its whole memory gives all back to it. For a guest with balloon: on. Answers when the guest "
	 "is asked; `resident` and `balloon` of guest/list --json show what comes of it."},
	{"guest/console", GROUP_GUEST, COMMAND_STREAMS, 0, 0, {{"guest", ARG_GUEST, 0}},
	 "attach to the serial console of a guest",
	 "Ctrl-] leaves. Standard input need not be a terminal: at its end the console is still "
	 "printed until the guest ends, or for the seconds given with -t."},
	{"guest/exec", GROUP_GUEST, COMMAND_STREAMS, 0, 0,
	 {{"guest", ARG_GUEST, 0}, {"argv", ARG_WORD, ARG_MANY | ARG_RAW}},
	 "run a command in a guest",
	 "Passes standard input, output and error through, and exits with the command's status, or "
	 "with 128 and the number of the signal that ended it. Does not use the guest's network."},

	{"log/list", GROUP_DAEMON, COMMAND_PRINTS, 0, 0, {{0}},
	 "list the log modules and their levels", "Levels are error, warn, info and debug."},
	{"log/set", GROUP_DAEMON, COMMAND_ACTS, 0, 0,
	 {{"module", ARG_MODULE, 0}, {"level", ARG_LEVEL, 0}},
	 "set the log level of a module",
	 "The module any stands for all of them. MODULE:LEVEL is understood, too."},
	{"log/tail", GROUP_DAEMON, COMMAND_PRINTS, 0, 0, {{0}},
	 "show the end of weftd's log", "The last 64 KiB of what it wrote since it was started."},
	{"support-bundle", GROUP_DAEMON, COMMAND_PRINTS | COMMAND_LOCAL, OPTION(OUTPUT), 0, {{0}},
	 "collect what helps to find out what is wrong",
	 "Writes a tar with the configuration, what weftd says by each verb that only looks, the "
	 "end of its log, and facts of the machine. README.txt in it lists what there is. Works in "
	 "part when weftd is down. Without -o the file is named after the time."},
	{"version", GROUP_DAEMON, COMMAND_PRINTS, 0, 0, {{0}},
	 "show the version of the running weftd", "weft --version is that of the CLI."},
	{"exit", GROUP_DAEMON, COMMAND_ACTS, OPTION(KEEP_GUESTS), 120, {{0}},
	 "stop weftd", "Its guests are stopped first unless they are to be kept."},
	{"list-commands", GROUP_DAEMON, COMMAND_PRINTS | COMMAND_LOCAL, 0, 0, {{0}},
	 "list the verbs", "One line of usage each."},
	{"help", GROUP_DAEMON, COMMAND_PRINTS | COMMAND_LOCAL, 0, 0,
	 {{"verb", ARG_VERB, ARG_OPTIONAL}},
	 "explain weft or one of its verbs", "weft VERB --help does the same."},
	/* clang-format on */
};

static const struct command_alias aliases[] = {
	{"pmd-stats-show", "pmd-perf-show"},
	{"dpif-netdev/pmd-perf-show", "pmd-perf-show"},
	{"dpif-netdev/pmd-stats-show", "pmd-perf-show"},
	{"dpif-netdev/pmd-stats-clear", "pmd-stats-clear"},
	{"dpif-netdev/pmd-rxq-rebalance", "port/rebalance"},
	{"vlog/list", "log/list"},
	{"vlog/set", "log/set"},
};

const struct command_spec *command_specs(size_t *n)
{
	*n = ARRAY_SIZE(specs);
	return specs;
}

const struct command_alias *command_aliases(size_t *n)
{
	*n = ARRAY_SIZE(aliases);
	return aliases;
}

const struct command_option *command_option(enum command_option_id id)
{
	return &options[id];
}

const struct command_spec *command_lookup(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			name = aliases[i].verb;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (strcmp(specs[i].name, name) == 0)
			return &specs[i];
	return NULL;
}

const char *command_nearest(const char *name)
{
	struct suggest s;

	suggest_init(&s, name);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		suggest_offer(&s, specs[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		suggest_offer(&s, aliases[i].name);
	return s.best;
}

bool command_takes(const struct command_spec *spec, enum command_option_id id)
{
	if (id < OPTION_MAY_EXIST)
		return true;
	if (id == OPTION_DRY_RUN)
		return spec->flags & (COMMAND_CHANGES | COMMAND_ACTS);
	return spec->options & 1u << id;
}

static void label_format(const struct command_arg *arg, char *text, size_t size)
{
	if (arg->kind == ARG_FIELD)
		snprintf(text, size, "KEY=VALUE");
	else if (arg->flags & ARG_RAW)
		snprintf(text, size, "-- COMMAND");
	else
		snprintf(text, size, "%s", arg->key);
	for (char *p = text; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

char *command_arg_format(const struct command_arg *arg, char *text, size_t size)
{
	bool optional = arg->flags & (ARG_OPTIONAL | ARG_NOT_SWITCH);
	char label[32];

	label_format(arg, label, sizeof(label));
	snprintf(text, size, "%s%s%s%s", optional ? "[" : "", label,
		 arg->flags & ARG_MANY ? "..." : "", optional ? "]" : "");
	return text;
}

/* "[--drops]", or where there is a value "[-w FILE]"; returns the length as snprintf. */
static size_t option_usage(const struct command_option *option, char *text, size_t size)
{
	if (!option->value)
		return (size_t)snprintf(text, size, " [%s]", option->word);
	if (option->letter)
		return (size_t)snprintf(text, size, " [-%c %s]", option->letter, option->value);
	return (size_t)snprintf(text, size, " [%s %s]", option->word, option->value);
}

char *command_usage_format(const struct command_spec *spec, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s", spec->name);
	char label[40];

	for (int id = OPTION_MAY_EXIST; id < OPTION_N && len < size; id++)
		if (command_takes(spec, id))
			len += option_usage(&options[id], text + len, size - len);
	for (const struct command_arg *arg = spec->args; arg->kind && len < size; arg++)
		len += (size_t)snprintf(text + len, size - len, " %s",
					command_arg_format(arg, label, sizeof(label)));
	return text;
}

const char *command_group_name(enum command_group group)
{
	return NAME_OF(group_names, group);
}

const char *command_arg_kind_name(enum command_arg_kind kind)
{
	return NAME_OF(arg_kind_names, kind);
}
