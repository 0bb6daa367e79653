/* A boot sector: reads 256 KiB behind it to 0x10000, turns on long mode and the registers of AVX-512,
 * and calls what lies there. For bochs: errors go to its debug port. */
    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov %dl, drive
    /* read SECTORS sectors to 0x10000 by LBA, 64 at a time */
    mov $0x1000, %bx
    mov $1, %ecx
next:
    mov %bx, packet + 6
    mov %ecx, packet + 8
    mov $0x42, %ah
    mov drive, %dl
    mov $packet, %si
    int $0x13
    jc bad
    add $0x800, %bx
    add $64, %ecx
    cmp $513, %ecx
    jb next
    in $0x92, %al
    or $2, %al
    out %al, $0x92
    lgdt gdtr
    /* page tables at 0x1000: 1 GiB by 2 MiB pages */
    mov $0x1000, %edi
    mov %edi, %cr3
    xor %eax, %eax
    mov $0x1000, %ecx
    push %es
    rep stosl
    pop %es
    movl $0x2003, 0x1000
    movl $0x3003, 0x2000
    mov $0x3000, %di
    mov $0x83, %eax
    mov $16, %ecx
fill:
    mov %eax, (%di)
    movl $0, 4(%di)
    add $0x200000, %eax
    add $8, %di
    loop fill
    /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
    mov $0x40620, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    and $~4, %eax
    or $0x80000003, %eax
    mov %eax, %cr0
    ljmpl $8, $long_mode
bad:
    mov $'D', %al
    out %al, $0xe9
    hlt
    .code64
long_mode:
    mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    xor %ecx, %ecx
    xor %edx, %edx
    mov $0xe7, %eax
    xsetbv
    mov $0x1f00000, %rsp
    mov $0x10000, %rax
    call *%rax
    hlt
drive: .byte 0
    .align 4
packet: .byte 16, 0
    .word 64, 0, 0x1000
    .quad 1
    .align 8
gdt: .quad 0, 0x00209a0000000000, 0x0000920000000000
gdtr: .word 23
    .long gdt
    .org 510
    .word 0xaa55
