/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The weft program as its users run it, against a daemon that knows the answers by heart:
 *
 *   test --- runs ---> weft --- control socket ---> canned daemon (a child of the test)
 *
 * A run is a line of shell; what it printed, errors included, is compared as text.
 */

#include "tests/lib/test.h"

#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "common/jsonx.h"
#include "daemon/control.h"

struct world {
	char dir[64], socket[80];
	struct loop *loop;
	struct control *control;
	pid_t daemon;
	char out[16384]; /* of the last run */
};

/* Verbs of the canned daemon. */

static const struct {
	const char *verb, *result;
} canned[] = {
	{"list-br", "[\"lan\",\"lab0\"]"},
	{"get", "\"5m\""},
	{"port-to-br", "\"lan\""},
	{"show",
	 "{\"version\":\"1\",\"config\":\"/etc/weft.yaml\",\"bridges\":[{\"name\":\"lan\","
	 "\"address\":\"10.10.0.1/24\",\"ports\":[{\"name\":\"vm7\",\"kind\":\"vhost-user\","
	 "\"state\":\"connecting\",\"waiting_for\":\"a frontend\",\"error\":null,\"socket\":"
	 "\"/run/vm7.sock\",\"mode\":\"client\",\"news\":1}]}],\"guests\":[{\"name\":\"alpha\","
	 "\"state\":\"running\",\"engine\":\"qemu\",\"accel\":\"tcg\",\"accel_reason\":"
	 "\"no KVM\",\"nics\":[{\"port\":\"alpha.0\",\"mac\":\"02:00:00:00:00:01\","
	 "\"address\":null,\"kind\":\"bridge\"}]}]}"},
	{"plan",
	 "{\"changes\":[{\"op\":\"add\",\"object\":\"bridge\",\"name\":\"lan\",\"detail\":\"\","
	 "\"disruptive\":false,\"disrupts\":\"\",\"needs_restart\":false},{\"op\":\"update\","
	 "\"object\":\"guest\",\"name\":\"alpha\",\"detail\":\"vcpus 1 -> 2\",\"disruptive\":"
	 "true,\"disrupts\":\"restarts guest alpha\",\"needs_restart\":false},{\"op\":"
	 "\"remove\",\"object\":\"port\",\"name\":\"vm7\",\"detail\":\"\",\"disruptive\":false}"
	 "],\"applied\":false,\"failed\":[]}"},
	{"add-br", "{\"changes\":[],\"applied\":true,\"failed\":[]}"},
	{"set",
	 "{\"changes\":[{\"op\":\"update\",\"object\":\"bridge\",\"name\":\"lan\",\"detail\":"
	 "\"ageing 5m -> 1m\"}],\"applied\":true,\"failed\":[{\"name\":\"lan\",\"error\":"
	 "\"no memory\"}]}"},
	{"fdb/show",
	 "[{\"bridge\":\"lan\",\"vlan\":0,\"mac\":\"52:54:00:00:00:01\",\"port\":"
	 "\"alpha.0\",\"age_s\":7,\"static\":false},{\"bridge\":\"lan\",\"vlan\":10,"
	 "\"mac\":\"52:54:00:00:00:02\",\"port\":\"b\",\"age_s\":null,\"static\":true}]"},
	{"stats/show", "[{\"port\":\"alpha.0\",\"rx_packets\":10,\"rx_bytes\":640,\"tx_packets\":9,"
		       "\"tx_bytes\":576,\"punted\":0,\"copies\":1,\"drops\":{\"no-room\":2,"
		       "\"hairpin\":0,\"bad\":1}}]"},
	{"guest/stop", "{\"name\":\"alpha\",\"state\":\"stopped\"}"},
};

static void run_canned(struct call *call, void *ctx)
{
	size_t i = 0;

	while (strcmp(canned[i].verb, call_method(call)) != 0)
		i++;
	call_reply(call, json_loads(canned[i].result, JSON_DECODE_ANY, NULL));
}

static void run_params(struct call *call, void *ctx)
{
	call_reply(call, json_incref(call_params(call)));
}

static void run_br_exists(struct call *call, void *ctx)
{
	const char *bridge;

	if (call_param_string(call, "bridge", CALL_REQUIRED, &bridge) == 0)
		call_reply(call, json_boolean(strcmp(bridge, "lan") == 0));
}

static void run_apply(struct call *call, void *ctx)
{
	call_fail_data(call, RPC_PARTLY_APPLIED,
		       json_pack("{s:[{s:s, s:s, s:s}], s:b, s:[]}", "changes", "op", "add",
				 "object", "port", "name", "vm7", "applied", true, "failed"),
		       "saved, but port vm7 does not work");
}

static void run_fail(struct call *call, void *ctx)
{
	call_fail(call, RPC_FAILED, "no such port: `weft list-ports lan` names them");
}

static void run_never(struct call *call, void *ctx)
{
}

static void send_output(struct call *call, const char *stream, const char *text)
{
	call_notify(call, "guest/exec/output",
		    json_pack("{s:s, s:o}", "stream", stream, "data",
			      jsonx_base64(text, strlen(text))));
}

/* A guest's cat: what comes in goes out. */
static void on_exec_input(struct call *call, const char *method, json_t *params, void *arg)
{
	call_notify(call, "guest/exec/output",
		    json_pack("{s:s, s:O}", "stream", "stdout", "data",
			      json_object_get(params, "data")));
	if (jsonx_bool(params, "eof"))
		call_reply(call, json_pack("{s:i}", "exit_status", 0));
}

static void run_exec(struct call *call, void *ctx)
{
	const char *const *argv;
	unsigned n;

	if (call_param_strings(call, "argv", CALL_REQUIRED, &argv, &n) < 0)
		return;
	if (strcmp(argv[0], "cat") == 0) {
		call_on_input(call, on_exec_input, NULL);
		return;
	}
	send_output(call, "stdout", "to stdout\n");
	send_output(call, "stderr", argv[n - 1]);
	if (strcmp(argv[0], "die") == 0)
		call_reply(call, json_pack("{s:i}", "signal", 9));
	else
		call_reply(call, json_pack("{s:i}", "exit_status", 7));
}

/* A guest's login: greets, repeats what is typed, hangs up at "bye". */
static struct loop_watch console_watch;

static void console_ready(struct loop_watch *w, uint32_t events)
{
	char data[256];
	ssize_t n = read(w->fd, data, sizeof(data));
	int fd = w->fd;

	if (n > 0 && write(fd, data, (size_t)n) == n && !memmem(data, (size_t)n, "bye", 3))
		return;
	loop_watch_del(w);
	close(fd);
}

static void run_console(struct call *call, void *ctx)
{
	struct world *w = ctx;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write(fds[0], "login: ", 7), 7);
	console_watch.ready = console_ready;
	loop_watch_add(w->loop, &console_watch, fds[0], EPOLLIN);
	call_send_fd(call, fds[1]);
	call_reply(call, json_pack("{s:s}", "socket", "/run/weft/alpha.console"));
}

static const struct control_verb verbs[] = {
	{"show", run_canned},	    {"list-br", run_canned},	    {"get", run_canned},
	{"port-to-br", run_canned}, {"plan", run_canned},	    {"add-br", run_canned},
	{"set", run_canned},	    {"fdb/show", run_canned},	    {"stats/show", run_canned},
	{"guest/stop", run_canned}, {"add-port", run_params},	    {"del-port", run_params},
	{"fdb/add", run_params},    {"log/set", run_params},	    {"br-exists", run_br_exists},
	{"apply", run_apply},	    {"list-ports", run_fail},	    {"pmd-perf-show", run_never},
	{"guest/exec", run_exec},   {"guest/console", run_console},
};

/* weft lies in bin/ beside the folder of this test; it comes first in PATH. */
static void find_weft(void)
{
	char bin[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);

	assert_true(n > 0);
	bin[n] = '\0';
	*strrchr(bin, '/') = '\0';
	strcpy(strrchr(bin, '/'), "/bin");
	snprintf(path, sizeof(path), "%s:%s", bin, getenv("PATH"));
	setenv("PATH", path, 1);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e;

	find_weft();
	strcpy(w->dir, "/tmp/weft-cli-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->socket, sizeof(w->socket), "%s/weftd.sock", w->dir);
	setenv("WEFT_SOCKET", w->socket, 1);
	setenv("DIR", w->dir, 1);
	w->loop = loop_create();
	w->control =
		control_create(w->loop, w->socket, "", "", 0600, verbs, ARRAY_SIZE(verbs), w, &e);
	assert_non_null(w->control);

	w->daemon = fork();
	if (w->daemon == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		loop_run(w->loop);
		_exit(0);
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	kill(w->daemon, SIGKILL);
	waitpid(w->daemon, NULL, 0);
	control_destroy(w->control);
	loop_destroy(w->loop);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* Runs a line of shell. Returns its exit status; what it printed is in `out`. */
static int run(struct world *w, const char *line)
{
	char command[1024];
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command), "{ %s\n} 2>&1", line);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(w->out, 1, sizeof(w->out) - 1, f);
	w->out[n] = '\0';
	return WEXITSTATUS(pclose(f));
}

/* The line exits with that status and prints exactly this. */
static void says(void *world, const char *line, int status, const char *text)
{
	struct world *w = world;

	assert_int_equal(run(w, line), status);
	assert_string_equal(w->out, text);
}

/* The line exits with that status and prints this among other things. */
static void mentions(void *world, const char *line, int status, const char *part)
{
	struct world *w = world;

	assert_int_equal(run(w, line), status);
	if (!strstr(w->out, part))
		assert_string_equal(w->out, part);
}

static void lists_and_values_are_printed_one_a_line(void **state)
{
	says(*state, "weft list-br", 0, "lan\nlab0\n");
	says(*state, "weft get bridge lan ageing", 0, "5m\n");
	says(*state, "weft port-to-br vm7", 0, "lan\n");
	says(*state, "weft guest/stop alpha", 0, "alpha: stopped\n");
}

static void json_is_the_result_as_it_came(void **state)
{
	says(*state, "weft list-br --json", 0, "[\n  \"lan\",\n  \"lab0\"\n]\n");
	says(*state, "weft --json port-to-br vm7", 0, "\"lan\"\n");
	says(*state, "weft --json br-exists lan", 0, "true\n");
	says(*state, "weft --json guest/console alpha", 0,
	     "{\n  \"socket\": \"/run/weft/alpha.console\"\n}\n");
	mentions(*state, "weft --json list-commands", 0, "\"guest/exec\"");
}

static void words_become_named_parameters(void **state)
{
	says(*state,
	     "weft --json add-port --may-exist lan vm7 vhost-user.mode=client | tr -d ' \\n'", 0,
	     "{\"may_exist\":true,\"bridge\":\"lan\",\"port\":\"vm7\","
	     "\"fields\":[\"vhost-user.mode=client\"]}");
	says(*state, "weft --json --if-exists del-port vm7 | tr -d ' \\n'", 0,
	     "{\"if_exists\":true,\"port\":\"vm7\"}");
	says(*state, "weft --json del-port lan vm7 | tr -d ' \\n'", 0,
	     "{\"bridge\":\"lan\",\"port\":\"vm7\"}");
	says(*state, "weft --json fdb/add lan vm7 10 02:00:00:00:00:01 | tr -d ' \\n'", 0,
	     "{\"bridge\":\"lan\",\"port\":\"vm7\",\"vlan\":10,\"mac\":\"02:00:00:00:00:01\"}");
	says(*state, "weft --json vlog/set vhost:debug | tr -d ' \\n'", 0,
	     "{\"module\":\"vhost\",\"level\":\"debug\"}");
}

static void wrong_words_are_refused_before_weftd_is_asked(void **state)
{
	mentions(*state, "weft -s /nowhere add-port lan", 1, "missing PORT; usage: weft add-port");
	mentions(*state, "weft -s /nowhere list-br lan", 1, "too many words, from lan");
	mentions(*state, "weft -s /nowhere add-br lan ageing", 1, "write KEY=VALUE");
	mentions(*state, "weft -s /nowhere fdb/add lan vm7 5000 02:00:00:00:00:01", 1, "no VLAN");
	mentions(*state, "weft -s /nowhere fdb/del lan 2:0:0", 1, "no MAC address");
	mentions(*state, "weft -s /nowhere set bride lan a=b", 1, "no kind of object");
	mentions(*state, "weft -s /nowhere show --dry-run", 1, "takes no --dry-run");
	mentions(*state, "weft -s /nowhere apply /missing.yaml", 1, "cannot read /missing.yaml");
	mentions(*state, "weft -t never show", 1, "number of seconds");
	mentions(*state, "weft show -s", 1, "--socket needs a value");
	mentions(*state, "weft --json=yes show", 1, "takes no value");
}

static void typing_errors_find_what_was_meant(void **state)
{
	says(*state, "weft lst-br", 1, "weft: unknown verb 'lst-br': did you mean 'list-br'?\n");
	says(*state, "weft frobnicate", 1,
	     "weft: unknown verb 'frobnicate': `weft help` lists them\n");
	says(*state, "weft help shwo", 1, "weft: no verb 'shwo': did you mean 'show'?\n");
	mentions(*state, "weft show --jason", 1, "did you mean '--json'?");
}

static void exit_codes_tell_what_happened(void **state)
{
	says(*state, "weft br-exists lan", 0, "");
	says(*state, "weft br-exists other", 2, "");
	says(*state, "weft list-ports lan", 2,
	     "weft: no such port: `weft list-ports lan` names them\n");
	mentions(*state, "weft -s $DIR/none list-br", 1, "no weftd at");
	mentions(*state, "weft", 1, "usage: weft");
	mentions(*state, "weft -t 0.1 pmd-perf-show", 1,
		 "did not answer 'pmd-perf-show' within 0.1 s");
	mentions(*state, "weft fdb/stats-show", 2, "unknown method");
	says(*state, "echo a: 1 | weft apply -", 65,
	     "+ port vm7\n1 change applied\nweft: saved, but port vm7 does not work\n");
	says(*state, "weft set bridge lan ageing=1m", 65,
	     "~ bridge lan: ageing 5m -> 1m\nfailed: lan: no memory\n1 change applied, 1 failed\n");
}

static void a_plan_marks_what_disturbs(void **state)
{
	says(*state, "echo a: 1 | weft plan -", 0,
	     "+ bridge lan\n"
	     "~ guest alpha: vcpus 1 -> 2  ! restarts guest alpha\n"
	     "- port vm7\n"
	     "3 changes planned, 1 disruptive\n");
	says(*state, "weft --dry-run guest/stop alpha", 0,
	     "> verb guest/stop: {\"guest\":\"alpha\"}\n1 change planned\n");
	says(*state, "weft add-br lan", 0, "nothing to do\n");
}

static void show_draws_the_tree(void **state)
{
	says(*state, "weft show", 0,
	     "weft 1\n"
	     "    config: /etc/weft.yaml\n"
	     "    Bridge lan\n"
	     "        address: 10.10.0.1/24\n"
	     "        Port vm7\n"
	     "            kind: vhost-user\n"
	     "            socket: /run/vm7.sock (client)\n"
	     "            state: connecting, waiting for a frontend\n"
	     "    Guest alpha\n"
	     "        state: running\n"
	     "        engine: qemu\n"
	     "        accel: tcg: no KVM\n"
	     "        Nic alpha.0\n"
	     "            kind: bridge\n"
	     "            mac: 02:00:00:00:00:01\n");
}

static void tables_align_and_can_lose_their_headings(void **state)
{
	says(*state, "weft fdb/show lan", 0,
	     "Port     VLAN  MAC                   Age\n"
	     "alpha.0     0  52:54:00:00:00:01       7\n"
	     "b          10  52:54:00:00:00:02  static\n");
	says(*state, "weft --no-heading stats/show", 0,
	     "alpha.0  10  640  9  576  0  1  3 (no-room 2, bad 1)\n");
}

static void exec_passes_output_and_status_through(void **state)
{
	says(*state, "weft guest/exec alpha -- ls --json 2>/dev/null", 7, "to stdout\n");
	says(*state, "weft guest/exec alpha -- ls --json 2>&1 >/dev/null", 7, "--json");
	says(*state, "weft guest/exec alpha -- die now >/dev/null 2>&1", 128 + 9, "");
	says(*state, "weft --json guest/exec alpha ls x </dev/null | tr -d ' \\n'", 0,
	     "{\"stdout\":\"tostdout\\n\",\"stderr\":\"x\",\"exit_status\":7}");
}

static void exec_passes_all_of_its_input(void **state)
{
	says(*state, "weft guest/exec alpha -- cat </dev/null", 0, "");
	says(*state,
	     "seq 200000 >$DIR/in; weft guest/exec alpha -- cat <$DIR/in >$DIR/out; cmp "
	     "$DIR/in $DIR/out && rm $DIR/in $DIR/out",
	     0, "");
}

static void a_console_works_without_a_terminal(void **state)
{
	says(*state, "echo bye | weft guest/console alpha", 0, "login: bye\n");
	says(*state, "weft -t 0.2 guest/console alpha </dev/null", 0, "login: ");
}

/* Reads from the terminal until `text` has come. */
static void expect(int fd, const char *text)
{
	struct timeval patience = {.tv_sec = 5};
	char seen[1024] = "";
	size_t len = 0;
	fd_set set;

	while (!strstr(seen, text)) {
		ssize_t n;

		FD_ZERO(&set);
		FD_SET(fd, &set);
		assert_int_equal(select(fd + 1, &set, NULL, NULL, &patience), 1);
		n = read(fd, seen + len, sizeof(seen) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
		seen[len] = '\0';
	}
}

static void a_console_gives_the_terminal_back_as_it_was(void **state)
{
	struct termios before, during, after;
	int terminal, line, status;
	pid_t pid;

	assert_int_equal(openpty(&terminal, &line, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(line, &before), 0);
	pid = fork();
	if (pid == 0) {
		login_tty(line);
		execlp("weft", "weft", "guest/console", "alpha", NULL);
		_exit(127);
	}

	expect(terminal, "login: ");
	assert_int_equal(tcgetattr(line, &during), 0);
	assert_false(during.c_lflag & (ICANON | ECHO | ISIG));
	assert_int_equal(write(terminal, "\x03z", 2), 2);
	expect(terminal, "z");
	assert_int_equal(write(terminal, "\x1d", 1), 1);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(tcgetattr(line, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	close(line);
	close(terminal);
}

static void check_and_doctor_are_weftds_own(void **state)
{
	run(*state,
	    "cp $(command -v weft) $DIR/weft; printf '#!/bin/sh\necho weftd \"$@\"; exit 9\n' "
	    ">$DIR/weftd; chmod +x $DIR/weftd");

	says(*state, "$DIR/weft check a.yaml", 9, "weftd --check a.yaml\n");
	says(*state, "$DIR/weft --json check a.yaml", 9, "weftd --check a.yaml --json\n");
	says(*state, "$DIR/weft doctor", 9, "weftd --doctor\n");
	mentions(*state, "$DIR/weft check", 1, "usage: weft check FILE");
	says(*state, "mkdir $DIR/bin; mv $DIR/weft $DIR/bin; PATH=$DIR:$PATH $DIR/bin/weft doctor",
	     9, "weftd --doctor\n");
	run(*state, "rm -r $DIR/bin $DIR/weftd");
}

static void bash_completes_verbs_options_and_names(void **state)
{
	static const char *const rows[][2] = {
		{"weft add-b", "add-br"},
		{"weft br-exists l", "lan lab0"},
		{"weft --json -s /x port-to-br al", ""},
		{"weft port-to-br al", "alpha.0"},
		{"weft show --r", "--running"},
		{"weft del-port l", "lan lab0"},
		{"weft fdb/del lan 52:54:00:00:00:0", "01 02"},
		{"weft log/set vh", "vhost"},
		{"weft log/set vhost d", "debug"},
	};
	char line[512];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(line, sizeof(line),
			 "bash -c 'source <(weft --print-completion bash); COMP_LINE=\"%s\" "
			 "COMP_POINT=${#COMP_LINE} COMP_WORDS=(weft); _weft; echo "
			 "\"${COMPREPLY[@]}\"'",
			 rows[i][0]);
		assert_int_equal(run(*state, line), 0);
		((struct world *)*state)->out[strcspn(((struct world *)*state)->out, "\n")] = '\0';
		assert_string_equal(((struct world *)*state)->out, rows[i][1]);
	}
}

static void help_needs_no_weftd(void **state)
{
	mentions(*state, "weft help", 0, "guest/exec");
	mentions(*state, "weft help add-port", 0, "usage: weft add-port [--may-exist]");
	mentions(*state, "weft add-port --help", 0, "usage: weft add-port [--may-exist]");
	mentions(*state, "weft -h", 0, "usage: weft [OPTION...]");
	mentions(*state, "weft --version", 0, "weft ");
	mentions(*state, "weft help show >/dev/full", 1, "cannot write the output");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_values_are_printed_one_a_line),
		cmocka_unit_test(json_is_the_result_as_it_came),
		cmocka_unit_test(words_become_named_parameters),
		cmocka_unit_test(wrong_words_are_refused_before_weftd_is_asked),
		cmocka_unit_test(typing_errors_find_what_was_meant),
		cmocka_unit_test(exit_codes_tell_what_happened),
		cmocka_unit_test(a_plan_marks_what_disturbs),
		cmocka_unit_test(show_draws_the_tree),
		cmocka_unit_test(tables_align_and_can_lose_their_headings),
		cmocka_unit_test(exec_passes_output_and_status_through),
		cmocka_unit_test(exec_passes_all_of_its_input),
		cmocka_unit_test(a_console_works_without_a_terminal),
		cmocka_unit_test(a_console_gives_the_terminal_back_as_it_was),
		cmocka_unit_test(check_and_doctor_are_weftds_own),
		cmocka_unit_test(bash_completes_verbs_options_and_names),
		cmocka_unit_test(help_needs_no_weftd),
	};

	return cmocka_run_group_tests_name("cli", tests, setup, teardown);
}
