/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/acpi.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "vmm/aml.h"
#include "vmm/layout.h"

enum {
	SPACE_PORTS = 1,
	FADT_POWER_BUTTON_CONTROL = 1 << 4,
	FADT_SLEEP_BUTTON_CONTROL = 1 << 5,
	FADT_RESET_REGISTER = 1 << 10,
	FADT_HARDWARE_REDUCED = 1 << 20,
	BOOT_NO_VGA = 1 << 2,
	BOOT_NO_CMOS_RTC = 1 << 5,
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_X2APIC = 9,
	MADT_ENABLED = 1,
	LAPIC_ID_MAX = 254,
	NOTIFY_DEVICE_CHECK = 1,
	NOTIFY_EJECT = 3,
	NOTIFY_POWER_BUTTON = 0x80,
};

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct acpi_address {
	uint8_t space, bit_width, bit_offset, access;
	uint64_t address;
} __attribute__((packed));

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct acpi_fadt {
	struct acpi_header h;
	uint8_t unused1[73];
	uint16_t boot_flags;
	uint8_t reserved;
	uint32_t flags;
	struct acpi_address reset;
	uint8_t reset_value;
	uint16_t arm_boot_flags;
	uint8_t minor_revision;
	uint64_t x_firmware_control, x_dsdt;
	uint8_t unused2[96];
	struct acpi_address sleep_control, sleep_status;
	uint64_t hypervisor_vendor;
} __attribute__((packed));
static_assert(offsetof(struct acpi_fadt, boot_flags) == 109, "FADT: IAPC_BOOT_ARCH");
static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "FADT: X_DSDT");
static_assert(sizeof(struct acpi_fadt) == 276, "FADT of ACPI 6");

struct madt_lapic {
	uint8_t type, length, uid, id;
	uint32_t flags;
} __attribute__((packed));
struct madt_x2apic {
	uint8_t type, length;
	uint16_t reserved;
	uint32_t id, flags, uid;
} __attribute__((packed));
struct madt_ioapic {
	uint8_t type, length, id, reserved;
	uint32_t address, first_gsi;
} __attribute__((packed));

struct mcfg_entry {
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint32_t reserved;
} __attribute__((packed));

/* The area that tables are laid into, one behind the other; aml_raw bounds every write. */
struct area {
	struct aml out;
	uint64_t gpa;
};

static uint8_t checksum(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static size_t begin(struct area *a, const char *signature, uint8_t revision)
{
	static const uint8_t zeroes[16];
	struct acpi_header h = {
		.revision = revision, .oem_id = "WEFT  ", .oem_revision = 1, .creator_revision = 1};
	size_t mark;

	aml_raw(&a->out, zeroes, -a->out.len % 16);
	mark = a->out.len;
	memcpy(h.signature, signature, 4);
	memcpy(h.oem_table_id, "WEFTVMM ", 8);
	memcpy(h.creator_id, "WEFT", 4);
	aml_raw(&a->out, &h, sizeof(h));
	return mark;
}

/* Fills in length and checksum; returns the table's address. */
static uint64_t end(struct area *a, size_t mark)
{
	struct acpi_header *h = (struct acpi_header *)(a->out.bytes + mark);

	h->length = (uint32_t)(a->out.len - mark);
	h->checksum = checksum(h, h->length);
	return a->gpa + mark;
}

static void describe_slot(struct aml *a, unsigned slot)
{
	char name[8];
	size_t device, method;

	snprintf(name, sizeof(name), "S%03u", slot);
	device = aml_device(a, name);
	aml_name(a, "_ADR");
	aml_int(a, (uint64_t)slot << 16);
	aml_name(a, "_SUN");
	aml_int(a, slot);
	method = aml_method(a, "_EJ0", 1, true);
	aml_store_int(a, 1ull << slot, "\\_SB_.PCI0.PCEJ");
	aml_close(a, method);
	aml_close(a, device);
}

/* Tells each slot that has its bit in a register. */
static void notify_slots(struct aml *a, const char *reg, uint8_t value)
{
	char path[24];
	size_t when;

	aml_load(a, AML_LOCAL(0), reg);
	for (unsigned slot = 1; slot < ACPI_SLOTS; slot++) {
		when = aml_if_bit(a, AML_LOCAL(0), 1ull << slot);
		snprintf(path, sizeof(path), "S%03u", slot);
		aml_notify(a, path, value);
		aml_close(a, when);
	}
}

static void describe_hotplug(struct aml *a)
{
	size_t field, method;

	aml_port_region(a, "PCHP", PORT_HOTPLUG, 12);
	field = aml_field(a, "PCHP", 4);
	aml_field_unit(a, "PCUP", 32);
	aml_field_unit(a, "PCDN", 32);
	aml_field_unit(a, "PCEJ", 32);
	aml_close(a, field);
	for (unsigned slot = 1; slot < ACPI_SLOTS; slot++)
		describe_slot(a, slot);
	method = aml_method(a, "PCNT", 0, true);
	notify_slots(a, "PCUP", NOTIFY_DEVICE_CHECK);
	notify_slots(a, "PCDN", NOTIFY_EJECT);
	aml_close(a, method);
}

static void describe_pci(struct aml *a)
{
	size_t device = aml_device(a, "PCI0"), crs;

	aml_name(a, "_HID");
	aml_eisaid(a, "PNP0A08");
	aml_name(a, "_CID");
	aml_eisaid(a, "PNP0A03");
	aml_name(a, "_UID");
	aml_int(a, 0);
	aml_name(a, "_SEG");
	aml_int(a, 0);
	aml_name(a, "_BBN");
	aml_int(a, 0);
	crs = aml_crs(a);
	aml_crs_bus(a, 0, 0);
	aml_crs_ports(a, PORT_PCI_ADDRESS, 8);
	aml_crs_memory_window(a, BAR_WINDOW_START, BAR_WINDOW_END - 1);
	aml_crs_close(a, crs);
	describe_hotplug(a);
	aml_close(a, device);
}

/* The ECAM must be somebody's, or Linux does not use it. */
static void describe_board(struct aml *a)
{
	size_t device = aml_device(a, "MBRD"), crs;

	aml_name(a, "_HID");
	aml_eisaid(a, "PNP0C02");
	aml_name(a, "_UID");
	aml_int(a, 0);
	crs = aml_crs(a);
	aml_crs_memory(a, ECAM_START, ECAM_BYTES);
	aml_crs_close(a, crs);
	aml_close(a, device);
}

static void describe_serial(struct aml *a)
{
	size_t device = aml_device(a, "COM1"), crs;

	aml_name(a, "_HID");
	aml_eisaid(a, "PNP0501");
	aml_name(a, "_UID");
	aml_int(a, 0);
	crs = aml_crs(a);
	aml_crs_ports(a, PORT_COM1, 8);
	aml_crs_interrupt(a, GSI_COM1);
	aml_crs_close(a, crs);
	aml_close(a, device);
}

static void describe_events(struct aml *a)
{
	size_t device, crs, method, when, field;

	device = aml_device(a, "PWRB");
	aml_name(a, "_HID");
	aml_eisaid(a, "PNP0C0C");
	aml_close(a, device);

	device = aml_device(a, "GED_");
	aml_name(a, "_HID");
	aml_string(a, "ACPI0013");
	aml_name(a, "_UID");
	aml_int(a, 0);
	crs = aml_crs(a);
	aml_crs_interrupt(a, GSI_EVENTS);
	aml_crs_close(a, crs);
	aml_port_region(a, "GEDR", PORT_EVENTS, 1);
	field = aml_field(a, "GEDR", 1);
	aml_field_unit(a, "GEDS", 8);
	aml_close(a, field);
	method = aml_method(a, "_EVT", 1, true);
	aml_load(a, AML_LOCAL(0), "GEDS");
	when = aml_if_bit(a, AML_LOCAL(0), 1);
	aml_notify(a, "\\_SB_.PWRB", NOTIFY_POWER_BUTTON);
	aml_close(a, when);
	when = aml_if_bit(a, AML_LOCAL(0), 2);
	aml_call(a, "\\_SB_.PCI0.PCNT");
	aml_close(a, when);
	aml_close(a, method);
	aml_close(a, device);
}

static uint64_t write_dsdt(struct area *a)
{
	size_t mark = begin(a, "DSDT", 6), scope, package;

	scope = aml_scope(&a->out, "\\_SB_");
	describe_pci(&a->out);
	describe_board(&a->out);
	describe_serial(&a->out);
	describe_events(&a->out);
	aml_close(&a->out, scope);
	aml_name(&a->out, "\\_S5_");
	package = aml_package(&a->out, 1);
	aml_int(&a->out, SLEEP_TYPE_S5);
	aml_close(&a->out, package);
	return end(a, mark);
}

static struct acpi_address port_address(uint16_t port)
{
	return (struct acpi_address){SPACE_PORTS, 8, 0, 1, port};
}

static uint64_t write_fadt(struct area *a, uint64_t dsdt)
{
	size_t mark = begin(a, "FACP", 6);
	struct acpi_fadt f = {
		.boot_flags = BOOT_NO_VGA | BOOT_NO_CMOS_RTC,
		.flags = FADT_POWER_BUTTON_CONTROL | FADT_SLEEP_BUTTON_CONTROL |
			 FADT_RESET_REGISTER | FADT_HARDWARE_REDUCED,
		.reset = port_address(PORT_RESET),
		.reset_value = RESET_VALUE,
		.minor_revision = 4,
		.x_dsdt = dsdt,
		.sleep_control = port_address(PORT_SLEEP),
		.sleep_status = port_address(PORT_SLEEP + 1),
		.hypervisor_vendor = 0x74666577, /* "weft" */
	};

	aml_raw(&a->out, &f.h + 1, sizeof(f) - sizeof(f.h));
	return end(a, mark);
}

static uint64_t write_madt(struct area *a, unsigned cpus)
{
	const struct madt_ioapic ioapic = {MADT_IOAPIC, sizeof(ioapic), 0, 0, IOAPIC_AT, 0};
	const uint32_t head[] = {LAPIC_AT, 0};
	size_t mark = begin(a, "APIC", 5);

	aml_raw(&a->out, head, sizeof(head));
	aml_raw(&a->out, &ioapic, sizeof(ioapic));
	for (unsigned i = 0; i < cpus; i++) {
		struct madt_lapic l = {MADT_LAPIC, sizeof(l), (uint8_t)i, (uint8_t)i, MADT_ENABLED};
		struct madt_x2apic x = {MADT_X2APIC, sizeof(x), 0, i, MADT_ENABLED, i};

		if (i <= LAPIC_ID_MAX)
			aml_raw(&a->out, &l, sizeof(l));
		else
			aml_raw(&a->out, &x, sizeof(x));
	}
	return end(a, mark);
}

static uint64_t write_mcfg(struct area *a)
{
	const struct mcfg_entry bus0 = {.base = ECAM_START};
	const uint64_t reserved = 0;
	size_t mark = begin(a, "MCFG", 1);

	aml_raw(&a->out, &reserved, sizeof(reserved));
	aml_raw(&a->out, &bus0, sizeof(bus0));
	return end(a, mark);
}

uint64_t acpi_write(const struct memory *m, unsigned cpus)
{
	struct acpi_rsdp *rsdp = memory_at(m, ACPI_AT, ACPI_BYTES);
	struct area a = {.out = {.bytes = (uint8_t *)rsdp, .size = ACPI_BYTES}, .gpa = ACPI_AT};
	uint64_t tables[3], xsdt;
	size_t mark;

	a.out.len = sizeof(*rsdp);
	tables[0] = write_fadt(&a, write_dsdt(&a));
	tables[1] = write_madt(&a, cpus);
	tables[2] = write_mcfg(&a);
	mark = begin(&a, "XSDT", 1);
	aml_raw(&a.out, tables, sizeof(tables));
	xsdt = end(&a, mark);
	assert(!a.out.overflow);
	*rsdp = (struct acpi_rsdp){.revision = 2, .length = sizeof(*rsdp), .xsdt = xsdt};
	memcpy(rsdp->signature, "RSD PTR ", 8);
	memcpy(rsdp->oem_id, "WEFT  ", 6);
	rsdp->checksum = checksum(rsdp, 20);
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
	return ACPI_AT;
}
