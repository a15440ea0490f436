use super::*;

fn outbox() -> (Outbox, Outputs) {
    (Outbox::new(OutboxConfig::default(), Guarantee::AtMostOnce), Outputs::default())
}

fn fill(outbox: &mut Outbox, outputs: &mut Outputs) {
    for _ in 0..50_000 {
        outbox.push(Moment::ZERO, Message::text("burst"), outputs).unwrap();
    }
}

#[test]
fn the_memory_of_a_burst_is_given_back() {
    let (mut outbox, mut outputs) = outbox();
    fill(&mut outbox, &mut outputs);
    let taken = outbox.take(&Until::END, None, &mut outputs, &mut |_| true);
    outbox.written(taken.units, &mut outputs);
    outbox.proven(outbox.provable(), &mut outputs);
    assert!(outbox.queue.capacity() >= 50_000 && outbox.in_flight.capacity() >= 50_000);
    outbox.relax();
    assert!(outbox.queue.capacity() <= IDLE && outbox.in_flight.capacity() <= IDLE);
}

#[test]
fn a_busy_queue_keeps_its_memory() {
    let (mut outbox, mut outputs) = outbox();
    fill(&mut outbox, &mut outputs);
    let before = outbox.queue.capacity();
    outbox.relax();
    assert_eq!(outbox.queue.capacity(), before);
}

#[test]
fn ranges_name_the_messages_in_flight_and_no_others_whatever_their_order() {
    let (mut outbox, mut outputs) = outbox();
    for number in 1..=9 {
        let options = match number {
            2 => SendOptions::new().priority(Priority::High),
            4 => SendOptions::new().priority(Priority::Low),
            _ => SendOptions::new(),
        };
        outbox.push_with(Moment::ZERO, Message::text("x"), options, &mut outputs).unwrap();
    }
    for id in [1, 3, 5, 6, 7, 8] {
        outbox.cancel(MessageId(id), &mut outputs).unwrap();
    }
    while outputs.pop().is_some() {}
    // In flight are 2, 9, 4: three, of which the first and the last are two apart.
    assert_eq!(outbox.take(&Until::END, None, &mut outputs, &mut |_| true).units, 3);
    outbox.written(3, &mut outputs);
    outbox.proven(3, &mut outputs);
    let mut told = Vec::new();
    while let Some(output) = outputs.pop() {
        if let crate::Output::Outcome { first, last, outcome } = output {
            assert_eq!(outcome, Outcome::Received);
            told.extend(first.0..=last.0);
        }
    }
    assert_eq!(told, [2, 9, 4]);
}

#[test]
fn runs_are_told_as_ranges_in_any_order() {
    let (mut outbox, mut outputs) = outbox();
    for number in 0..300 {
        let priority = [Priority::Low, Priority::Normal, Priority::High][number / 100];
        let options = SendOptions::new().priority(priority);
        outbox.push_with(Moment::ZERO, Message::text("x"), options, &mut outputs).unwrap();
    }
    outbox.take(&Until::END, None, &mut outputs, &mut |_| true);
    outbox.written(300, &mut outputs);
    let mut ranges = Vec::new();
    while let Some(output) = outputs.pop() {
        if let crate::Output::Written { first, last } = output {
            ranges.push((first.0, last.0));
        }
    }
    assert_eq!(ranges, [(201, 300), (101, 200), (1, 100)]);
}

#[test]
fn nothing_is_remembered_of_messages_that_are_not_queued() {
    let (mut outbox, mut outputs) = outbox();
    let send = |outbox: &mut Outbox, outputs: &mut Outputs| {
        for number in 0..50_usize {
            let options = SendOptions::new()
                .priority(Priority::ALL[number % 3])
                .key(["a", "b", "c", "d"][number % 4])
                .ttl(std::time::Duration::from_secs(number as u64 % 5 + 1));
            outbox.push_with(Moment::ZERO, Message::text("x"), options, outputs).unwrap();
        }
    };
    send(&mut outbox, &mut outputs);
    assert!(!outbox.queue.is_forgotten());
    outbox.take(&Until::END, None, &mut outputs, &mut |_| true);
    assert!(outbox.queue.is_forgotten(), "taken");
    outbox.lost(Some(1007), &mut outputs);
    assert!(!outbox.queue.is_forgotten(), "back again");
    outbox.expire(Moment::MAX, &mut outputs);
    assert!(outbox.queue.is_forgotten(), "expired");
    send(&mut outbox, &mut outputs);
    for id in 0..=100 {
        let _ = outbox.cancel(MessageId(id), &mut outputs);
    }
    assert!(outbox.queue.is_forgotten(), "cancelled");
}
