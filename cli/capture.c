/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "common/clock.h"
#include "common/jsonx.h"
#include "common/mac.h"
#include "common/pcapng.h"

#define IN_BYTES    (1u << 20) /* several times the largest block */
#define END_WAIT_MS 3000
#define PORTS_MAX   1024

struct stream {
	int fd, signal_fd;
	FILE *file; /* of blocks; NULL: lines on standard output */
	bool json;
	bool ending, complete; /* we asked for the end; the statistics have come */
	uint64_t due_ms;
	uint64_t captured, missed;
	unsigned n_ports;
	char (*ports)[PCAPNG_NAME_MAX + 1];
	size_t len;
	uint8_t *in;
};

/* --- what is printed of a frame ----------------------------------------------------------------
 */

static const char *ethertype_name(unsigned type)
{
	switch (type) {
	case 0x0800:
		return "IPv4";
	case 0x0806:
		return "ARP";
	case 0x86dd:
		return "IPv6";
	case 0x8100:
	case 0x88a8:
		return "VLAN";
	default:
		return "";
	}
}

static const char *port_name(const struct stream *s, uint32_t interface)
{
	return interface < s->n_ports ? s->ports[interface] : "?";
}

static void print_line(const struct stream *s, const struct pcapng_packet *p)
{
	const uint8_t *b = p->data;
	char src[MAC_TEXT_MAX] = "?", dst[MAC_TEXT_MAX] = "?", at[16];
	time_t second = (time_t)(p->time_ns / NS_PER_S);
	unsigned type = 0;
	struct mac mac;
	struct tm tm;

	if (p->cap_len >= 14) {
		memcpy(mac.b, b, sizeof(mac.b));
		mac_format(&mac, dst);
		memcpy(mac.b, b + 6, sizeof(mac.b));
		mac_format(&mac, src);
		type = (unsigned)b[12] << 8 | b[13];
	}
	localtime_r(&second, &tm);
	strftime(at, sizeof(at), "%H:%M:%S", &tm);
	printf("%s.%09" PRIu64 " %s %-3s %s > %s %s%s(0x%04x) %u bytes%s%s\n", at,
	       (uint64_t)(p->time_ns % NS_PER_S), port_name(s, p->interface),
	       p->direction == PCAPNG_INBOUND ? "in" : "out", src, dst, ethertype_name(type),
	       *ethertype_name(type) ? " " : "", type, p->len, p->comment ? " " : "",
	       p->comment ? p->comment : "");
}

static void print_json(const struct stream *s, const struct pcapng_packet *p)
{
	json_t *o =
		json_pack("{s:I, s:s, s:s, s:I, s:s*, s:o}", "time_ns", (json_int_t)p->time_ns,
			  "port", port_name(s, p->interface), "direction",
			  p->direction == PCAPNG_INBOUND ? "in" : "out", "len", (json_int_t)p->len,
			  "comment", p->comment, "data", jsonx_base64(p->data, p->cap_len));

	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

/* --- the stream --------------------------------------------------------------------------------
 */

static void take_block(struct stream *s, const struct pcapng_block *b)
{
	switch (b->type) {
	case PCAPNG_INTERFACE:
		if (s->n_ports < PORTS_MAX)
			memcpy(s->ports[s->n_ports++], b->name, sizeof(b->name));
		break;
	case PCAPNG_PACKET:
		s->captured++;
		if (!s->file && s->json)
			print_json(s, &b->packet);
		else if (!s->file)
			print_line(s, &b->packet);
		break;
	case PCAPNG_STATISTICS:
		s->missed += b->missed;
		s->complete = true;
		break;
	default:
		break;
	}
}

/* Handles the whole blocks that have arrived. Returns 0 or -errno. */
static int take_blocks(struct stream *s)
{
	struct pcapng_block b;
	size_t off = 0;
	int n;

	while ((n = pcapng_read(s->in + off, s->len - off, &b)) > 0) {
		take_block(s, &b);
		off += (size_t)n;
	}
	if (n < 0)
		return n;
	if (s->file && off && fwrite(s->in, 1, off, s->file) != off)
		return -errno;
	memmove(s->in, s->in + off, s->len - off);
	s->len -= off;
	return fflush(s->file ? s->file : stdout) ? -errno : 0;
}

static void ask_for_end(struct stream *s)
{
	s->ending = true;
	s->due_ms = clock_now_ms() + END_WAIT_MS;
	shutdown(s->fd, SHUT_WR);
}

/* Until the stream ends. Returns 0, or -errno of the output. */
static int pump(struct stream *s)
{
	struct signalfd_siginfo info;
	int ret = 0;

	while (ret == 0) {
		struct pollfd p[] = {{.fd = s->fd, .events = POLLIN},
				     {.fd = s->signal_fd, .events = POLLIN}};
		uint64_t now_ms = clock_now_ms();
		uint64_t left_ms = s->due_ms - MIN_OF(now_ms, s->due_ms);
		ssize_t n;

		if (poll(p, 2, (int)MIN_OF(left_ms, 60000u)) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents && read(s->signal_fd, &info, sizeof(info)) > 0 && s->ending)
			return 0;
		if (p[1].revents || left_ms == 0) {
			if (s->ending && left_ms == 0)
				return 0;
			ask_for_end(s);
		}
		if (!p[0].revents)
			continue;
		n = read(s->fd, s->in + s->len, IN_BYTES - s->len);
		if (n == 0 || (n < 0 && errno != EINTR))
			return 0;
		s->len += n > 0 ? (size_t)n : 0;
		ret = take_blocks(s);
	}
	return ret;
}

/* --- before it begins --------------------------------------------------------------------------
 */

/* Returns 0 or -EINVAL with the compiler's complaint. */
static int add_filter(json_t *params, const char *text, struct err *e)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program program;
	json_t *list;
	int ret = 0;

	if (!dead)
		return err_set(e, ENOMEM, "out of memory");
	if (pcap_compile(dead, &program, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		ret = err_set(e, EINVAL, "--filter '%s': %s; pcap-filter(7) has the syntax", text,
			      pcap_geterr(dead));
		goto out;
	}
	list = json_array();
	for (unsigned i = 0; i < program.bf_len; i++) {
		const struct bpf_insn *insn = &program.bf_insns[i];

		json_array_append_new(list, json_integer(insn->code));
		json_array_append_new(list, json_integer(insn->jt));
		json_array_append_new(list, json_integer(insn->jf));
		json_array_append_new(list, json_integer(insn->k));
	}
	json_object_set_new(params, "filter", list);
	pcap_freecode(&program);
out:
	pcap_close(dead);
	return ret;
}

/* The output of blocks, NULL: lines are printed. Returns 0 or -errno. */
static int open_output(struct stream *s, const char *name, struct err *e)
{
	if (!name)
		return 0;
	if (strcmp(name, "-") == 0 && isatty(STDOUT_FILENO))
		return err_set(e, EINVAL, "pcapng is not for terminals: give a file, or a pipe");
	s->file = strcmp(name, "-") == 0 ? stdout : fopen(name, "w");
	return s->file ? 0 : err_set(e, errno, "cannot write %s: %s", name, strerror(errno));
}

static int hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* The stream's descriptor is there. Returns 0 or -errno. */
static int receive(struct stream *s, struct err *e)
{
	int ret = pump(s);

	if (ret < 0)
		return err_set(e, -ret, "cannot write the capture: %s", strerror(-ret));
	fprintf(stderr, "%" PRIu64 " frames captured, %" PRIu64 " missed\n", s->captured,
		s->missed);
	if (!s->complete)
		return err_set(e, EPIPE,
			       "the capture ended early, what it missed is not known: does weftd "
			       "still run?");
	return 0;
}

static int stream_init(struct stream *s, struct err *e)
{
	s->in = malloc(IN_BYTES);
	s->ports = calloc(PORTS_MAX, sizeof(*s->ports));
	s->signal_fd = hold_signals();
	if (!s->in || !s->ports || s->signal_fd < 0)
		return err_set(e, ENOMEM, "out of memory or descriptors");
	return 0;
}

static void stream_fini(struct stream *s)
{
	if (s->file && s->file != stdout)
		fclose(s->file);
	if (s->fd >= 0)
		close(s->fd);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	free(s->ports);
	free(s->in);
}

int capture_run(struct rpc *rpc, const struct args *a, json_t *params, int timeout_ms,
		struct err *e)
{
	struct stream s = {.fd = -1, .signal_fd = -1, .json = a->options[OPTION_JSON]};
	int ret = stream_init(&s, e);

	if (ret == 0 && a->values[OPTION_FILTER])
		ret = add_filter(params, a->values[OPTION_FILTER], e);
	if (ret == 0)
		ret = open_output(&s, a->values[OPTION_WRITE], e);
	if (ret < 0) {
		json_decref(params);
		goto out;
	}
	ret = rpc_call(rpc, "capture", params, COMMAND_TIMEOUT_S * 1000, NULL, NULL, NULL, e);
	if (ret)
		goto out;
	s.fd = rpc_recv_fd(rpc);
	s.due_ms = timeout_ms < 0 ? UINT64_MAX : clock_now_ms() + (uint64_t)timeout_ms;
	ret = s.fd < 0 ? err_set(e, EPROTO, "weftd sent no stream: is it of another version?")
		       : receive(&s, e);
out:
	stream_fini(&s);
	return ret;
}
