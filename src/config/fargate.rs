//! The sizes that Fargate has.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size>

/// CPU units with the MiB that go with them.
const SIZES: [(u32, Memory); 8] = [
    (256, Memory::These(&[512, 1024, 2048])),
    (512, Memory::Steps(1024, 4096, 1024)),
    (1024, Memory::Steps(2048, 8192, 1024)),
    (2048, Memory::Steps(4096, 16_384, 1024)),
    (4096, Memory::Steps(8192, 30_720, 1024)),
    (8192, Memory::Steps(16_384, 61_440, 4096)),
    (16_384, Memory::Steps(32_768, 122_880, 8192)),
    (32_768, Memory::These(&[61_440, 122_880, 249_856])),
];

enum Memory {
    These(&'static [u32]),
    /// From, to, and the step between two.
    Steps(u32, u32, u32),
}

impl Memory {
    const fn least(&self) -> u32 {
        match self {
            Self::These(all) => all[0],
            Self::Steps(least, ..) => *least,
        }
    }

    fn has(&self, memory: u32) -> bool {
        match *self {
            Self::These(all) => all.contains(&memory),
            Self::Steps(least, most, step) => {
                (least..=most).contains(&memory) && (memory - least).is_multiple_of(step)
            }
        }
    }

    fn words(&self) -> String {
        match *self {
            Self::These(all) => all.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
            Self::Steps(least, most, step) => format!("{least} to {most} in steps of {step}"),
        }
    }
}

/// Why Fargate has no such size.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It has no such CPU; these are there.
    Cpu(String),
    /// It has that CPU, with this memory.
    Memory(String),
}

/// The least memory that goes with a CPU, in MiB.
pub(super) fn least_memory(cpu: u32) -> Option<u32> {
    SIZES.iter().find(|(found, _)| *found == cpu).map(|(_, memory)| memory.least())
}

/// Checks a CPU in units and a memory in MiB.
pub(super) fn check(cpu: u32, memory: u32) -> Result<(), Wrong> {
    match SIZES.iter().find(|(found, _)| *found == cpu) {
        None => {
            let all = SIZES.iter().map(|(cpu, _)| cpu.to_string()).collect::<Vec<_>>();
            Err(Wrong::Cpu(all.join(", ")))
        }
        Some((_, found)) if !found.has(memory) => Err(Wrong::Memory(found.words())),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        for (cpu, memory) in [(256, 512), (512, 4096), (8192, 20_480), (32_768, 249_856)] {
            assert_eq!(check(cpu, memory), Ok(()), "{cpu} {memory}");
        }
        assert_eq!(check(256, 4096), Err(Wrong::Memory("512, 1024, 2048".to_owned())));
        assert_eq!(
            check(512, 1500),
            Err(Wrong::Memory("1024 to 4096 in steps of 1024".to_owned()))
        );
        assert!(matches!(check(300, 512), Err(Wrong::Cpu(_))));
        assert_eq!(least_memory(1024), Some(2048));
    }
}
