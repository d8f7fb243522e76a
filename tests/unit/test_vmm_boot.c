/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a guest finds when it starts: kernels in memory, ACPI tables, its CPU's description. */

#include "tests/lib/test.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/acpi.h"
#include "vmm/cpuid.h"
#include "vmm/kernel.h"
#include "vmm/layout.h"

#define MEMORY	    (64ull << 20)
#define SETUP_SECTS 4
#define PAYLOAD	    4096
#define BZIMAGE	    ((SETUP_SECTS + 1) * 512 + PAYLOAD)
#define ELF_BYTES   4096

static struct memory mem;

static int setup(void **state)
{
	const struct memory_params p = {.bytes = MEMORY};

	return memory_init(&mem, &p, NULL);
}

static int teardown(void **state)
{
	memory_fini(&mem);
	return 0;
}

static uint8_t *make_bzimage(void)
{
	uint8_t *image = calloc(1, BZIMAGE);
	struct setup_header h = {
		.setup_sects = SETUP_SECTS,
		.boot_flag = 0xaa55,
		.jump = 0x66eb,
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.pref_address = 0x1000000,
		.init_size = 0x800000,
		.initrd_addr_max = 0x7fffffff,
	};

	memcpy(image + 0x1f1, &h, sizeof(h));
	memset(image + BZIMAGE - PAYLOAD, 0xab, PAYLOAD);
	return image;
}

static struct setup_header *header_of(uint8_t *image)
{
	return (struct setup_header *)(image + 0x1f1);
}

static int load(uint8_t *image, uint64_t size, struct kernel *k, struct err *e)
{
	int fd = memfd_create("image", MFD_CLOEXEC), ret;

	assert_int_equal(write(fd, image, size), size);
	free(image);
	memory_clear(&mem);
	ret = kernel_load(k, fd, &mem, e);
	close(fd);
	return ret;
}

static void a_bzimage_is_entered_at_its_64_bit_entry(void **state)
{
	struct kernel k;
	struct err e;

	assert_int_equal(load(make_bzimage(), BZIMAGE, &k, &e), 0);

	assert_int_equal(k.entry, KERNEL_LINUX64);
	assert_int_equal(k.start, 0x1000200);
	assert_int_equal(k.end, 0x1800000);
	assert_int_equal(*(uint8_t *)memory_at(&mem, 0x1000000 + PAYLOAD - 1, 1), 0xab);
}

static void a_bzimage_without_64_bit_entry_is_refused(void **state)
{
	uint8_t *image = make_bzimage();
	struct kernel k;
	struct err e;

	header_of(image)->xloadflags = 0;

	assert_int_equal(load(image, BZIMAGE, &k, &e), -ENOEXEC);
	assert_non_null(strstr(e.text, "no 64-bit entry"));
}

static void a_kernel_that_does_not_fit_says_how_much_it_needs(void **state)
{
	uint8_t *image = make_bzimage();
	struct kernel k;
	struct err e;

	header_of(image)->init_size = 80 << 20;

	assert_int_equal(load(image, BZIMAGE, &k, &e), -ENOMEM);
	assert_non_null(strstr(e.text, "needs 96 MiB to start and the guest has 64"));
}

static void numbers_of_a_hostile_image_are_refused(void **state)
{
	uint8_t *image = make_bzimage();
	struct kernel k;
	struct err e;

	header_of(image)->pref_address = UINT64_MAX - 4096;
	assert_int_equal(load(image, BZIMAGE, &k, &e), -ENOMEM);

	image = make_bzimage();
	header_of(image)->setup_sects = 255;
	assert_int_equal(load(image, BZIMAGE, &k, &e), -ENOEXEC);

	image = calloc(1, 16);
	assert_int_equal(load(image, 16, &k, &e), -ENOEXEC);
}

static uint8_t *make_elf(bool pvh)
{
	uint8_t *image = calloc(1, ELF_BYTES);
	Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64},
			.e_machine = EM_X86_64,
			.e_entry = 0x1000100,
			.e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = pvh ? 2 : 1};
	Elf64_Phdr p[2] = {{.p_type = PT_LOAD,
			    .p_offset = 1024,
			    .p_paddr = 0x1000000,
			    .p_filesz = 1024,
			    .p_memsz = 8192},
			   {.p_type = PT_NOTE, .p_offset = 512, .p_filesz = 24}};
	const uint32_t note[] = {4, 4, 18, 0x6e6558 /* Xen */, 0x1000200, 0};

	memcpy(image, &h, sizeof(h));
	memcpy(image + sizeof(h), p, sizeof(p));
	memcpy(image + 512, note, sizeof(note));
	return image;
}

static void an_elf_file_is_entered_by_its_pvh_note_or_its_own_entry(void **state)
{
	struct kernel k;
	struct err e;

	assert_int_equal(load(make_elf(true), ELF_BYTES, &k, &e), 0);
	assert_int_equal(k.entry, KERNEL_PVH);
	assert_int_equal(k.start, 0x1000200);

	assert_int_equal(load(make_elf(false), ELF_BYTES, &k, &e), 0);
	assert_int_equal(k.entry, KERNEL_LINUX64);
	assert_int_equal(k.start, 0x1000100);
}

static void an_elf_file_cut_short_is_refused(void **state)
{
	struct kernel k;
	struct err e;

	assert_int_equal(load(make_elf(true), 1536, &k, &e), -ENOEXEC);
	assert_non_null(strstr(e.text, "cut short"));
}

static uint8_t sum(uint64_t at, uint32_t len)
{
	const uint8_t *p = memory_at(&mem, at, len);
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

static uint64_t address_at(uint64_t at)
{
	uint64_t v;

	memcpy(&v, memory_at(&mem, at, sizeof(v)), sizeof(v));
	return v;
}

static uint32_t length_of(uint64_t table)
{
	uint32_t v;

	memcpy(&v, memory_at(&mem, table + 4, sizeof(v)), sizeof(v));
	return v;
}

static void acpi_tables_add_up_and_are_found_from_the_root(void **state)
{
	static const char signatures[3][5] = {"FACP", "APIC", "MCFG"};
	uint64_t rsdp = acpi_write(&mem, 2), xsdt = address_at(rsdp + 24), dsdt;

	assert_memory_equal(memory_at(&mem, rsdp, 8), "RSD PTR ", 8);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	assert_int_equal(length_of(xsdt), 36 + 3 * 8);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t table = address_at(xsdt + 36 + 8 * i);

		assert_memory_equal(memory_at(&mem, table, 4), signatures[i], 4);
		assert_int_equal(sum(table, length_of(table)), 0);
	}
	dsdt = address_at(address_at(xsdt + 36) + 140);
	assert_memory_equal(memory_at(&mem, dsdt, 4), "DSDT", 4);
	assert_int_equal(sum(dsdt, length_of(dsdt)), 0);
}

static void the_madt_has_an_entry_for_each_cpu(void **state)
{
	uint64_t xsdt = address_at(acpi_write(&mem, 1) + 24), one = address_at(xsdt + 44);
	uint32_t alone = length_of(one);

	xsdt = address_at(acpi_write(&mem, 5) + 24);

	assert_int_equal(length_of(address_at(xsdt + 44)), alone + 4 * 8);
}

static struct kvm_cpuid_entry2 fit(uint32_t function, struct kvm_cpuid_entry2 x,
				   enum cpu_model model, unsigned cpu, unsigned cpus)
{
	struct kvm_cpuid2 *t = calloc(1, sizeof(*t) + sizeof(x));

	t->nent = 1;
	t->entries[0] = x;
	t->entries[0].function = function;
	cpuid_fit(t, model, cpu, cpus);
	x = t->entries[0];
	free(t);
	return x;
}

static void a_cpu_knows_its_number_and_how_many_there_are(void **state)
{
	struct kvm_cpuid_entry2 all = {.ebx = ~0u};

	assert_int_equal(fit(1, all, CPU_HOST, 3, 4).ebx >> 16, 0x0304);
	assert_int_equal(fit(0xb, all, CPU_HOST, 3, 4).edx, 3);
	all.index = 1;
	assert_int_equal(fit(0xb, all, CPU_HOST, 3, 4).eax, 2);
}

static void the_baseline_has_no_avx_and_the_host_model_keeps_it(void **state)
{
	const uint32_t avx = 1 << 28, avx2 = 1 << 5;
	const struct kvm_cpuid_entry2 all = {.eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u};

	assert_int_equal(fit(1, all, CPU_BASELINE, 0, 1).ecx & avx, 0);
	assert_int_equal(fit(7, all, CPU_BASELINE, 0, 1).ebx & avx2, 0);
	assert_int_equal(fit(1, all, CPU_HOST, 0, 1).ecx & avx, avx);
	assert_int_equal(fit(7, all, CPU_HOST, 0, 1).ebx & avx2, avx2);
}

static void memory_is_translated_with_its_length(void **state)
{
	assert_non_null(memory_at(&mem, MEMORY - 8, 8));
	assert_null(memory_at(&mem, MEMORY - 8, 9));
	assert_null(memory_at(&mem, MEMORY, 1));
	assert_null(memory_at(&mem, UINT64_MAX, 2));
	assert_null(memory_at_aligned(&mem, 4, 4, 16));
}

/* Data, a hole of two pages, data that ends within a page. */
static int make_holed_file(void)
{
	static const char text[] = "behind the hole";
	int fd = memfd_create("holed", MFD_CLOEXEC);
	uint8_t page[4096];

	memset(page, 0xab, sizeof(page));
	assert_int_equal(pwrite(fd, page, sizeof(page), 0), sizeof(page));
	assert_int_equal(pwrite(fd, text, sizeof(text), 3 * 4096), sizeof(text));
	return fd;
}

static void check_holed(const struct memory *m, uint64_t gpa)
{
	static const uint8_t zeroes[2 * 4096];
	const uint8_t *at = memory_at(m, gpa, 4 * 4096);

	assert_int_equal(at[0], 0xab);
	assert_int_equal(at[4095], 0xab);
	assert_memory_equal(at + 4096, zeroes, sizeof(zeroes));
	assert_string_equal(at + 3 * 4096, "behind the hole");
}

static void zeroes_of_a_file_take_no_memory(void **state)
{
	int fd = make_holed_file();
	uint64_t bytes = 3 * 4096 + sizeof("behind the hole");

	assert_int_equal(memory_load(&mem, 0x100000, fd, 0, bytes), 0);
	assert_int_equal(memory_resident(&mem), 2 * 4096);
	check_holed(&mem, 0x100000);
	/* At an address and offset within pages. */
	assert_int_equal(memory_load(&mem, 0x200010, fd, 3 * 4096 + 7, 8), 0);
	assert_string_equal(memory_at(&mem, 0x200010, 8), "the hole");

	assert_int_equal(memory_load(&mem, 0x300000, fd, 0, bytes + 1), -EIO);
	assert_int_equal(memory_load(&mem, MEMORY - 4096, fd, 0, bytes), -EFAULT);
	close(fd);
}

static void private_memory_is_loaded_too(void **state)
{
	const struct memory_params p = {.bytes = MEMORY, .ksm = true};
	struct memory private;
	int fd = make_holed_file();

	if (memory_init(&private, &p, NULL) < 0)
		skip();
	assert_int_equal(
		memory_load(&private, 0x100000, fd, 0, 3 * 4096 + sizeof("behind the hole")), 0);
	check_holed(&private, 0x100000);
	memory_fini(&private);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bzimage_is_entered_at_its_64_bit_entry),
		TEST(a_bzimage_without_64_bit_entry_is_refused),
		TEST(a_kernel_that_does_not_fit_says_how_much_it_needs),
		TEST(numbers_of_a_hostile_image_are_refused),
		TEST(an_elf_file_is_entered_by_its_pvh_note_or_its_own_entry),
		TEST(an_elf_file_cut_short_is_refused),
		TEST(acpi_tables_add_up_and_are_found_from_the_root),
		TEST(the_madt_has_an_entry_for_each_cpu),
		TEST(a_cpu_knows_its_number_and_how_many_there_are),
		TEST(the_baseline_has_no_avx_and_the_host_model_keeps_it),
		TEST(memory_is_translated_with_its_length),
		TEST(zeroes_of_a_file_take_no_memory),
		TEST(private_memory_is_loaded_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
