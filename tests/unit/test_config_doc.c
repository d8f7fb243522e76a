/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test_config_lib.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/arena.h"
#include "config/example.h"
#include "config/schema.h"
#include "config/schema_doc.h"
#include "config/value.h"

/* Calls `check` for every key of every map. */
static void for_each_key(const struct schema_map *map, void (*check)(const struct schema_key *key))
{
	for (unsigned i = 0; i < map->n_keys; i++) {
		check(&map->keys[i]);
		if (map->keys[i].map)
			for_each_key(map->keys[i].map, check);
	}
}

/* What `write` prints. Free. */
static char *output_of(void (*write)(FILE *out))
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	write(out);
	fclose(out);
	return text;
}

static void key_is_documented(const struct schema_key *key)
{
	assert_true(key->help && strlen(key->help) > 5);
	assert_true(key->example || key->fallback);
	if (schema_is_container(key))
		assert_non_null(key->example);
}

static void each_key_has_a_line_of_help_and_an_example(void **state)
{
	for_each_key(&schema_root, key_is_documented);
}

/* The form matters: a default is recognized by comparing its text. */
static void fallback_is_canonical(const struct schema_key *key)
{
	char object[1024] = {0}, text[VALUE_TEXT_MAX];
	struct arena *a = arena_create();

	if (key->fallback) {
		assert_int_equal(value_parse(key, key->fallback, object, a), 0);
		if (value_is_set(key, object))
			assert_string_equal(value_format(key, object, text), key->fallback);
	}
	arena_destroy(a);
}

static void each_default_is_in_the_form_that_is_printed(void **state)
{
	for_each_key(&schema_root, fallback_is_canonical);
}

/* The key with the value of its example must be all right as far as its type goes. */
static void example_is_valid(const struct schema_key *key)
{
	char object[1024] = {0}, value[256];
	struct arena *a = arena_create();

	if (key->example && !schema_is_container(key)) {
		snprintf(value, sizeof(value), "%s", key->example);
		assert_int_equal(value_parse(key, value, object, a), 0);
	}
	arena_destroy(a);
}

static void each_example_is_valid(void **state)
{
	for_each_key(&schema_root, example_is_valid);
}

static void the_embedded_example_is_two_guests_on_a_bridge(void **state)
{
	size_t len;
	const char *text = config_example(&len);
	char *file = file_text("config/example.yaml");
	struct config *c = config_of(text);

	assert_int_equal(len, strlen(text));
	assert_string_equal(text, file);
	assert_string_equal(c->bridges[0].name, "lan");
	assert_string_equal(c->guests[0].name, "alpha");
	assert_string_equal(c->guests[1].name, "beta");
	free(file);
	config_free(c);
}

/* Files of the lab runner lie there too, and begin with their kind. */
static bool is_config_example(const char *name)
{
	return strstr(name, ".yaml") && strncmp(name, "lab", 3) != 0;
}

static void the_examples_are_valid(void **state)
{
	DIR *dir = opendir("examples");
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[300], *text;

		if (!is_config_example(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "examples/%s", entry->d_name);
		text = file_text(path);
		config_free(config_of(text));
		free(text);
		n++;
	}
	closedir(dir);
	assert_true(n >= 5);
}

static unsigned valid_examples_of(const char *path)
{
	static const char open[] = "\n```yaml\n";
	char *doc = file_text(path), *at = doc;
	unsigned n = 0;

	while ((at = strstr(at, open))) {
		char *text = at + strlen(open), *end = strstr(text, "\n```\n");

		end[1] = '\0';
		config_free(config_of(text));
		at = end + 2;
		n++;
	}

	free(doc);
	return n;
}

static void the_examples_in_the_documentation_are_valid(void **state)
{
	assert_int_equal(valid_examples_of("docs/config.md"), 8);
	assert_int_equal(valid_examples_of("docs/nat.md"), 2);
	assert_int_equal(valid_examples_of("docs/uplinks.md"), 4);
}

static void the_error_in_the_documentation_is_the_real_one(void **state)
{
	static const char text[] = "version: 1\n\nbridges:\n  lan: {ageng: 5m}\n";
	char *doc = file_text("docs/config.md"), *said = complaints_of(text);

	assert_non_null(strstr(doc, strchr(said, ':')));
	free(said);
	free(doc);
}

static json_t *property(json_t *object, const char *name)
{
	json_t *p = json_object_get(json_object_get(object, "properties"), name);

	assert_non_null(p);
	return p;
}

static void the_json_schema_describes_the_keys(void **state)
{
	char *text = output_of(schema_doc_json);
	json_error_t e;
	json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &e), *root, *guest, *nic;

	assert_non_null(schema);
	root = json_array_get(json_object_get(schema, "anyOf"), 1);
	guest = json_array_get(
		json_object_get(json_object_get(property(root, "guests"), "additionalProperties"),
				"anyOf"),
		1);
	nic = json_object_get(property(guest, "nics"), "items");
	assert_int_equal(json_array_size(json_object_get(nic, "oneOf")), 3);
	assert_string_equal(json_string_value(json_object_get(property(guest, "vcpus"), "default")),
			    "1");
	assert_string_equal(json_string_value(json_array_get(json_object_get(root, "required"), 0)),
			    "version");
	json_decref(schema);
	free(text);
}

static void the_man_page_tells_each_key(void **state)
{
	char *text = output_of(schema_doc_man);

	assert_non_null(strstr(text, "\n.SS guests.NAME.nics[N].offloads\n"));
	assert_non_null(strstr(text, "\n.B fdb\\-entries\n"));
	assert_non_null(strstr(text, "Takes a duration from 1s to 1000h or never; default: 5m.\n"));
	assert_non_null(strstr(text, "  lan: {address: 10.10.0.1/24}"));
	free(text);
}

static void completion_knows_the_keys_of_each_kind(void **state)
{
	char *text = output_of(schema_doc_words);

	assert_non_null(strstr(text, "switch socket.mode\n"));
	assert_non_null(strstr(text, "bridge ageing\n"));
	assert_non_null(strstr(text, "port vhost-user.path\n"));
	assert_non_null(strstr(text, "guest nics[0].mac\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_a_line_of_help_and_an_example),
		cmocka_unit_test(each_default_is_in_the_form_that_is_printed),
		cmocka_unit_test(each_example_is_valid),
		cmocka_unit_test(the_embedded_example_is_two_guests_on_a_bridge),
		cmocka_unit_test(the_examples_are_valid),
		cmocka_unit_test(the_examples_in_the_documentation_are_valid),
		cmocka_unit_test(the_error_in_the_documentation_is_the_real_one),
		cmocka_unit_test(the_json_schema_describes_the_keys),
		cmocka_unit_test(the_man_page_tells_each_key),
		cmocka_unit_test(completion_knows_the_keys_of_each_kind),
	};

	return cmocka_run_group_tests_name("config_doc", tests, NULL, NULL);
}
