"""Conversations of our own, for demonstrations without a file: what people ask a travel and outdoor shop."""

from __future__ import annotations

from .conversation_file import Told

_TEXT = """
web_chat | Booking for Friday
C: Hello, is the lake cabin free this Friday for two nights?
A: Good morning! Friday and Saturday are free. It is 84 a night.
C: Perfect, I would like to book it for two people.
A: Done, you will get the confirmation by e-mail.

email | Wrong size
C: The boots I ordered came in 42, I need a 43.
A: Sorry about that. I will send a 43 today, please return the others in the same box.
C: Thank you, that was quick.

whatsapp | Kayak rental
C: How much is a double kayak for a whole day?
A: 55 with life vests and a dry bag.
C: Can I pay on the spot?
A: Card or cash, both are fine.
C: Then please keep one for Sunday, 9 o'clock.

web_chat | Lost password
C: I cannot log in to my account any more.
A: I have sent you a link to set a new password.
C: Got it, works!

web_chat | Group tour
C: We are a school class of 24. Do you have guided walks for children?
A: We do, two guides for a group of that size. What age are they?
C: Nine and ten.
A: Then the stream walk would be right. Shall I send an offer?
C: Yes please, for the second week of May.

email | Invoice
C: Could you send the invoice to our office again? It has the wrong company name.
A: Of course, what should it say?
C: Blue Door Studio, the rest is right.
A: The corrected invoice is on its way.

telegram | Ferry
C: Does the price include the ferry?
A: It does, also for one car per family.

web_chat | Zelt
C: Guten Tag, ist das Vier-Personen-Zelt wieder lieferbar?
A: Ab nächstem Mittwoch. Soll ich eines zurücklegen?
C: Ja gerne, auf meinen Namen.

whatsapp | Réservation
C: Bonjour, avez-vous encore de la place au refuge le 14 juin ?
A: Il reste deux lits. Voulez-vous que je les réserve ?
C: Oui, avec le dîner s'il vous plaît.

email | Cancellation
C: I have to cancel our trip next week, my daughter is ill.
A: I am sorry to hear that. Your ticket is refundable, the money will be back within five days.
C: That is very kind, thank you.

web_chat | Opening hours
C: Are you open on Sunday?
A: From ten to four.

web_chat | Skis
C: I want to rent skis for my family, two adults and two kids, from 3 to 8 February.
A: Six days, that is 412 with helmets.
C: Is there a discount for regulars? We came last year.
A: There is, 10 percent. I have put it in.
C: Then book it.

instagram | Colour
C: Is the jacket on your last photo also there in green?
A: Moss green and navy, in all sizes.
C: I will take a green one in M.

email | Damaged parcel
C: The parcel arrived wet and the map is ruined.
A: That should not happen. A new map leaves today, keep the other one for lighting fires.
C: Ha, will do.

web_chat | Dogs
C: May I bring my dog to the cabin?
A: Dogs are welcome in cabins 2 and 5.
C: How big is number 5?
A: Two rooms, sleeps four, with a fenced meadow.
C: Sounds great. What does it cost in August?

whatsapp | Reserva
C: Hola, quisiera reservar la excursión al volcán para tres personas.
A: Con gusto. ¿Para qué día?
C: El sábado por la mañana.
A: Reservado: sábado a las 8:00, tres personas.

web_chat | Spam
C: Increase your traffic with our premium backlinks!!!
A: No, thank you.

email | Job
C: Are you looking for guides this summer? I have worked in the Alps for six years.
A: We are. Please write to our office with your certificates.

web_chat | Gift voucher
C: I would like to buy a voucher of 150 for a birthday.
A: Printed or by e-mail?
C: Printed please, it should arrive before Thursday.
A: It goes out today by express.

sms | Late
C: We are stuck in traffic, we will be there at 7 instead of 6.
A: No problem, the key is in the box, code 4471.

web_chat | Allergies
C: My son cannot eat nuts. Does the hut know?
A: I have told the kitchen, they will mark his plates.

web_chat | Відгук
C: Добрий день, чи є вільні місця на похід у вересні?
A: Так, є ще чотири місця на 12 вересня.
C: Запишіть нас двох, будь ласка.

email | Ticket transfer
C: Can my colleague travel on my ticket?
A: Yes, names can be changed until the day before, free of charge.
C: Please change it to Sam Walker.

whatsapp | Stroller
C: Is the harbour walk possible with a stroller?
A: All of it is paved, there is one ramp that is a bit steep.

web_chat | Late delivery
C: My order was promised for Monday, today is Wednesday.
A: It was held at the depot. The driver says tomorrow before noon.
C: And if not?
A: Then I refund the shipping and send it again by courier.
C: Fair enough.

telegram | Diving
C: Do beginners need a medical certificate for the diving course?
A: A self-declaration is enough up to 12 metres.
C: And how much is the weekend course?
A: 260, gear included.
C: I want to sign up for the first weekend in July.

email | Feedback
C: Just wanted to say that Maja was a wonderful guide.
A: That will make her day. Thank you!

web_chat | Repair
C: Do you repair backpacks? A buckle broke.
A: We do, 12 for a buckle, usually within a week.

web_chat | Bike
C: I am looking for a used gravel bike, frame 56.
A: One came in yesterday, 780 with new tyres.
C: Can I come and try it today?
A: Until six. Ask for Ben.

whatsapp | Prenotazione
C: Buongiorno, vorrei prenotare una barca a vela per domenica.
A: Con skipper o senza?
C: Con skipper, siamo in cinque.

web_chat | Wheelchair
C: Which of your trips can be done in a wheelchair?
A: The steam train, the harbour cruise and the owl evening.
C: Two seats for the owl evening, please, one of them for a wheelchair.

email | Wholesale
C: We run three small shops and would like to sell your maps. Do you have trade prices?
A: From 50 copies, 35 percent off. Shall I send the list?
C: Yes, and samples if possible.

web_chat | Snow
C: How much snow is there at the upper hut?
A: 60 cm this morning, more to come tonight.

web_chat | Refund missing
C: You promised a refund three weeks ago and nothing came.
A: You are right, the bank sent it back. May I have the account number again?
C: I will send it by e-mail.

sms | Thanks
C: Keys are back in the box. Lovely place!
A: Thank you, come again.

web_chat | 予約
C: こんにちは。11月の紅葉ツアーに二人で参加したいです。
A: ありがとうございます。11月15日に空きがございます。
C: それでお願いします。

email | Insurance
C: Does the travel insurance cover rescue by helicopter?
A: Up to 50,000, everywhere in Europe.
C: Then please add it to my booking.

instagram | Wedding
C: Could we hold a small wedding at the lighthouse, about 30 guests?
A: What a lovely idea. The terrace holds 40, and May to September is best.
C: What would it cost, with dinner?
A: From 1,900. I can show you around next week.
C: Thursday would suit us.

web_chat | حجز
C: مرحبا، هل يمكن حجز رحلة بحرية لأربعة أشخاص يوم السبت؟
A: نعم، الانطلاق الساعة التاسعة صباحا.
C: ممتاز، احجزوا لنا من فضلكم.

web_chat | Just looking
C: hi
A: Hello! How can I help?
C: just looking, thanks
"""

_SENDERS = {"C": "client", "A": "agent"}


def _told(block: str) -> Told:
    head, *lines = block.strip().splitlines()
    channel, _, subject = head.partition(" | ")
    messages = tuple((_SENDERS[line[0]], line[3:]) for line in lines)
    return Told(channel, messages, subject)


SMALL_TALK = tuple(_told(block) for block in _TEXT.strip().split("\n\n"))
