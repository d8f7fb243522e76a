#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Keeps KVM's code from being patched while the bed's command runs.
#
# KVM patches itself (static keys) when the first CPU without an APIC, or with one that is not enabled
# yet, comes, and when the last goes: with each probe of /dev/kvm and each start of a guest. QEMU's TCG
# does not always notice on its other CPU, which then takes the same stale int3 for ever. So a CPU of
# either kind, which never runs, stays as long as the bed.
use strict;
use warnings;

use constant {
	KVM_CREATE_VM      => 0xae01,
	KVM_CREATE_VCPU    => 0xae41,
	KVM_CREATE_IRQCHIP => 0xae60,
};

sub descriptor {
	my ($handle, $request) = @_;
	my $fd = ioctl($handle, $request, 0) or die "ioctl: $!";
	open(my $result, '+<&=', $fd + 0) or die "open: $!";
	return $result;
}

open(my $kvm, '+<', '/dev/kvm') or die "/dev/kvm: $!";
my $without = descriptor($kvm, KVM_CREATE_VM);
my $cpu1 = descriptor($without, KVM_CREATE_VCPU);
my $with = descriptor($kvm, KVM_CREATE_VM);
ioctl($with, KVM_CREATE_IRQCHIP, 0) or die "irqchip: $!";
my $cpu2 = descriptor($with, KVM_CREATE_VCPU);
print "steady\n";
close(STDOUT);
sleep;
