/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

static void broken_yaml_says_where_and_what_to_do(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {ageing: 5m\n",
			"f.yaml:3:8: error: YAML syntax: did not find expected ',' or '}'\n"
			"  lan: {ageing: 5m\n"
			"       ^\n"
			"help: separate entries with ',' and close the mapping with '}'\n",
		},
		{
			"version: 1\n"
			"bridges:\n"
			"  lan: {}\n"
			" lab: {}\n",
			"f.yaml:4:2: error: YAML syntax: did not find expected key while parsing a "
			"block mapping that began on line 1\n"
			" lab: {}\n"
			" ^\n"
			"help: give all keys of one mapping the same indentation\n",
		},
		{
			"version: 1\n"
			"a: b: c\n",
			"f.yaml:2:5: error: YAML syntax: mapping values are not allowed in this "
			"context\n"
			"a: b: c\n"
			"    ^\n"
			"help: put a value that holds ': ' in quotes, or indent it\n",
		},
		{
			"version: 1\n"
			"a: \"open\n",
			"f.yaml:2:4: error: YAML syntax: found unexpected end of stream\n"
			"a: \"open\n"
			"   ^\n"
			"help: close the quote or bracket that is still open\n",
		},
		{
			"version: 1\n"
			"bridges:\n"
			"\tlan: {}\n",
			"f.yaml:3:1: error: YAML syntax: a tab in the indentation\n"
			" lan: {}\n"
			"^\n"
			"help: indent with spaces\n",
		},
		{
			"version: 1\n"
			"a: @b\n",
			"f.yaml:2:4: error: YAML syntax: found character that cannot start any "
			"token\n"
			"a: @b\n"
			"   ^\n"
			"help: put the value in quotes\n",
		},
		{
			"version: 1\n"
			"a: [1, 2\n"
			"b: 3\n",
			"f.yaml:3:2: error: YAML syntax: did not find expected ',' or ']' while "
			"parsing a flow sequence that began on line 2\n"
			"b: 3\n"
			" ^\n"
			"help: separate entries with ',' and close the list with ']'\n",
		},
		{
			"version: 1\n"
			"bridges\n",
			"f.yaml:2:1: error: YAML syntax: could not find expected ':'\n"
			"bridges\n"
			"^\n"
			"help: write `key: value`, with a space behind the colon\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void text_that_is_not_clean_utf8_is_refused(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"a: \377\n",
			"f.yaml:2:4: error: YAML syntax: the text is not clean UTF-8 (invalid "
			"leading UTF-8 octet)\n"
			"a: ?\n"
			"   ^\n"
			"help: save the file as UTF-8 without control characters\n",
		},
		{
			"version: 1\n"
			"a: \001\n",
			"f.yaml:2:4: error: YAML syntax: the text is not clean UTF-8 (control "
			"characters are not allowed)\n"
			"a: ?\n"
			"   ^\n"
			"help: save the file as UTF-8 without control characters\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void what_yaml_could_expand_or_reinterpret_is_refused(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"bridges: {lan: &l {}, lab: *l}\n",
			"f.yaml:2:16: error: anchors (&name) are not supported\n"
			"bridges: {lan: &l {}, lab: *l}\n"
			"               ^\n"
			"help: remove the anchor, and write the value out where it is used\n"
			"f.yaml:2:28: error: aliases (*name) are not supported\n"
			"bridges: {lan: &l {}, lab: *l}\n"
			"                           ^\n"
			"help: write the value out\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {<<: {ageing: 1m}}}\n",
			"f.yaml:2:17: error: merge keys (<<) are not supported\n"
			"bridges: {lan: {<<: {ageing: 1m}}}\n"
			"                ^\n"
			"help: write the keys out\n",
		},
		{
			"version: 1\n"
			"bridges: {<<: {ageing: 1m}, lan: {}}\n",
			"f.yaml:2:11: error: merge keys (<<) are not supported\n"
			"bridges: {<<: {ageing: 1m}, lan: {}}\n"
			"          ^\n"
			"help: write the keys out\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: !!map {}}\n",
			"f.yaml:2:16: error: tags (!name) are not supported\n"
			"bridges: {lan: !!map {}}\n"
			"               ^\n"
			"help: remove the tag\n",
		},
		{
			"version: 1\n"
			"bridges: {lan: {ageing: !dur 5m}}\n",
			"f.yaml:2:25: error: tags (!name) are not supported\n"
			"bridges: {lan: {ageing: !dur 5m}}\n"
			"                        ^\n"
			"help: remove the tag\n",
		},
		{
			"version: 1\n"
			"---\n"
			"version: 1\n",
			"f.yaml:2:1: error: a second document begins here\n"
			"---\n"
			"^\n"
			"help: keep one document in a file; remove the '---'\n",
		},
		{
			"version: 1\n"
			"{a: b}: c\n",
			"f.yaml:2:1: error: a mapping or a list where a key is expected\n"
			"{a: b}: c\n"
			"^\n"
			"help: use a plain word as the key\n",
		},
		{
			"version: 1\n"
			"? [a]\n"
			": c\n",
			"f.yaml:2:3: error: a mapping or a list where a key is expected\n"
			"? [a]\n"
			"  ^\n"
			"help: use a plain word as the key\n",
		},
		{
			"version: 1\n"
			"*a : c\n",
			"f.yaml:2:1: error: aliases (*name) are not supported\n"
			"*a : c\n"
			"^\n"
			"help: write the value out\n",
		},
		{
			"version: 1\n"
			"a: \"x\\0y\"\n",
			"f.yaml:2:4: error: a NUL character in a text\n"
			"a: \"x\\0y\"\n"
			"   ^\n"
			"help: remove the \\0 from it\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void nesting_is_bounded(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n",
			"f.yaml:2:19: error: the nesting is too deep\n"
			"a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n"
			"                  ^\n"
			"help: nothing in a config file nests that deep: check the brackets\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

static void the_caret_stands_right_behind_tabs_and_wide_text(void **state)
{
	static const struct complaint_case cases[] = {
		{
			"version: 1\n"
			"switch: {\"üü\": 1, workers: 99}\n",
			"f.yaml:2:10: error: switch.üü: unknown key\n"
			"switch: {\"üü\": 1, workers: 99}\n"
			"         ^\n"
			"help: a switch has: workers, hugepages, run-dir, idle, rebalance, "
			"nat-sessions, "
			"socket, metrics\n"
			"f.yaml:2:28: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '99'\n"
			"switch: {\"üü\": 1, workers: 99}\n"
			"                           ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {},\t workers: 99}\n",
			"f.yaml:2:32: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '99'\n"
			"switch: {socket: {},  workers: 99}\n"
			"                               ^\n"
			"help: for example: workers: 2\n",
		},
		{
			"version: 1\n"
			"switch: {socket: {owner: "
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}, workers: 99}\n",
			"f.yaml:2:26: error: switch.socket.owner: expected a text of up to 64 "
			"bytes on one line, found "
			"'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'\n"
			"switch: {socket: {owner: "
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxx\n"
			"                         ^\n"
			"help: for example: owner: root\n"
			"f.yaml:2:168: error: switch.workers: expected a number from 1 to 16 or "
			"auto, found '99'\n"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}, workers: 99}\n"
			"                                                            ^\n"
			"help: for example: workers: 2\n",
		},
	};

	assert_complaints(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_yaml_says_where_and_what_to_do),
		cmocka_unit_test(text_that_is_not_clean_utf8_is_refused),
		cmocka_unit_test(what_yaml_could_expand_or_reinterpret_is_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(the_caret_stands_right_behind_tabs_and_wide_text),
	};

	return cmocka_run_group_tests_name("config_reader", tests, NULL, NULL);
}
