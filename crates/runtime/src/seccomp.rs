//! The system calls that a workload may make.
//!
//! The filter is an allow-list, so a system call of a later kernel is not allowed. Calls that are not on the list fail with
//! ENOSYS, on which libraries fall back to an older call. Calls that are refused on purpose fail with EPERM. Not allowed:
//!
//! - creating or entering namespaces and changing mounts, which only the agent does. `clone` is allowed without namespace
//!   flags; `clone3` fails with ENOSYS, because a filter cannot read its flags;
//! - keyrings, kernel modules, kexec, swap, quotas, system clocks, BPF, performance counters;
//! - io_uring and userfaultfd: large parts of the kernel that few programs need and many exploits used;
//! - vsock, which would reach the hypervisor;
//! - the calls of 32-bit programs, which do not run.

use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArgBuilder, LinuxSeccompBuilder,
    LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};

#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Files and directories.
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
    "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2",
    "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr",
    "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64",
    "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "ioctl", "lchown",
    "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat",
    "mkdir", "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "openat", "openat2",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
    "readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr",
    "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range",
    "sync_file_range2", "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat",
    "utimes", "vmsplice", "write", "writev", "getxattrat", "setxattrat", "listxattrat", "removexattrat",
    "cachestat",
    // Memory.
    "brk", "get_mempolicy", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create",
    "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync",
    "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise",
    "process_mrelease", "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node",
    // Processes, threads, users.
    "alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex",
    "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "getcpu", "getegid", "geteuid", "getgid",
    "getgroups", "getitimer", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid",
    "getresuid", "getrlimit", "get_robust_list", "getrusage", "getsid", "get_thread_area", "gettid", "getuid",
    "ioprio_get", "ioprio_set", "kill", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "modify_ldt", "pause", "pidfd_getfd", "pidfd_open", "pidfd_send_signal",
    "prctl", "prlimit64", "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
    "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "setfsgid", "setfsuid",
    "setgid", "setgroups", "setitimer", "setpgid", "setpriority", "setregid", "setresgid", "setresuid",
    "setreuid", "setrlimit", "set_robust_list", "setsid", "set_thread_area", "set_tid_address", "setuid",
    "sysinfo", "tgkill", "times", "tkill", "uname", "vfork", "wait4", "waitid",
    // Signals, time, waiting.
    "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "gettimeofday", "nanosleep", "poll",
    "ppoll", "pselect6", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "select", "sigaltstack", "signalfd", "signalfd4",
    "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
    "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // Pipes, sockets, System V and POSIX IPC, asynchronous I/O.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "io_cancel",
    "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit", "listen", "mq_getsetattr",
    "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv",
    "msgsnd", "pipe", "pipe2", "recvfrom", "recvmmsg", "recvmsg", "semctl", "semget", "semop", "semtimedop",
    "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat", "shmctl", "shmdt", "shmget", "shutdown",
    "socketpair", "getrandom",
];

/// Fail with EPERM. All other calls that are not allowed fail with ENOSYS.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module",
    "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kexec_file_load",
    "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount", "move_pages", "migrate_pages",
    "nfsservctl", "open_by_handle_at", "open_tree", "open_tree_attr", "perf_event_open", "pivot_root",
    "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname", "setns",
    "settimeofday", "swapoff", "swapon", "syslog", "umount2", "unshare", "userfaultfd", "vhangup",
];

/// `CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET`.
const CLONE_NAMESPACES: u64 = 0x7E02_0000;
const AF_VSOCK: u64 = 40;
/// Arguments of personality(2): Linux, 32 bit, either with the name of an old kernel; all ones only queries.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF];

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

pub(crate) fn profile() -> Result<LinuxSeccomp, OciSpecError> {
    let mut syscalls = vec![
        allowed(ALLOWED)?,
        allowed_if("clone", 0, CLONE_NAMESPACES, Some(0), LinuxSeccompOperator::ScmpCmpMaskedEq)?,
        allowed_if("socket", 0, AF_VSOCK, None, LinuxSeccompOperator::ScmpCmpNe)?,
        answered(REFUSED, EPERM)?,
        answered(&["clone3"], ENOSYS)?,
    ];
    for personality in PERSONALITIES {
        syscalls.push(allowed_if("personality", 0, personality, None, LinuxSeccompOperator::ScmpCmpEq)?);
    }
    LinuxSeccompBuilder::default()
        .default_action(LinuxSeccompAction::ScmpActErrno)
        .default_errno_ret(ENOSYS)
        .architectures(vec![architecture()])
        .syscalls(syscalls)
        .build()
}

/// Only the machine's own: each further one adds milliseconds to every start, and attack surface.
fn architecture() -> Arch {
    if cfg!(target_arch = "aarch64") { Arch::ScmpArchAarch64 } else { Arch::ScmpArchX86_64 }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn allowed(names: &[&str]) -> Result<LinuxSyscall, OciSpecError> {
    LinuxSyscallBuilder::default().names(owned(names)).action(LinuxSeccompAction::ScmpActAllow).build()
}

fn answered(names: &[&str], errno: u32) -> Result<LinuxSyscall, OciSpecError> {
    let action = LinuxSeccompAction::ScmpActErrno;
    LinuxSyscallBuilder::default().names(owned(names)).action(action).errno_ret(errno).build()
}

fn allowed_if(
    name: &str,
    index: usize,
    value: u64,
    value_two: Option<u64>,
    operator: LinuxSeccompOperator,
) -> Result<LinuxSyscall, OciSpecError> {
    let mut argument = LinuxSeccompArgBuilder::default().index(index).value(value).op(operator);
    if let Some(value_two) = value_two {
        argument = argument.value_two(value_two);
    }
    LinuxSyscallBuilder::default()
        .names(owned(&[name]))
        .action(LinuxSeccompAction::ScmpActAllow)
        .args(vec![argument.build()?])
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No call is both allowed and refused, and no call that leads out of the instance is allowed unconditionally.
    #[test]
    fn the_lists_do_not_contradict() {
        for name in ALLOWED {
            assert!(!REFUSED.contains(name), "{name} is on both lists");
        }
        let doubled = ALLOWED.iter().filter(|name| ALLOWED.iter().filter(|other| other == name).count() > 1);
        assert_eq!(doubled.collect::<Vec<_>>(), Vec::<&&str>::new());
        for name in [
            "clone",
            "clone3",
            "socket",
            "personality",
            "unshare",
            "setns",
            "mount",
            "chroot",
            "bpf",
            "keyctl",
        ] {
            assert!(!ALLOWED.contains(&name), "{name} is allowed without a condition");
        }
        profile().unwrap();
    }
}
